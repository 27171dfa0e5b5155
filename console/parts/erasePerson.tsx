// Lets an operator erase somebody for good, once they have typed the person's number. views/people.tsx shows it beside a person.
import { useRef, useState } from 'preact/hooks';
import type { IdentityView, TaskView } from '../../functions/console/types.ts';
import { api } from '../api.ts';
import { clock, count, day, personName } from '../words.ts';

interface EraseProps {
  person: IdentityView;
  task: TaskView;
  /** @param said what was done, for people */
  onErased: (said: string) => void;
}

export function ErasePerson({ person, task, onErased }: EraseProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const [problem, setProblem] = useState('');
  const [isErasing, setErasing] = useState(false);
  const { number, identity, tracks, firstSeen, lastSeen } = person;
  const name = personName(person);
  const cameras = [...new Set(tracks.map(({ camera }) => camera))].join(', ');
  const isConfirmed = typed.trim() === String(number);

  const open = () => {
    setTyped('');
    setProblem('');
    dialog.current?.showModal();
  };
  const erase = async (event: Event) => {
    event.preventDefault();
    if (!isConfirmed || isErasing) return;
    setErasing(true);
    try {
      const erased = await api.erase(identity, number);
      const pictures = erased.targets.map(
        (target) => ` The task has pictures of this person as target ${target}: remove it from the task.`,
      );
      const done = `${count(erased.tracks, 'track', 'tracks')} and ${count(erased.vectors, 'vector', 'vectors')}`;
      dialog.current?.close();
      onErased(`${name} is erased: ${done} are gone.${pictures.join('')}`);
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setErasing(false);
    }
  };

  return (
    <>
      <button type="button" class="plain danger" onClick={open}>
        Erase this person ...
      </button>
      <dialog ref={dialog} class="card" aria-labelledby="erase-title">
        <form onSubmit={(event) => void erase(event)}>
          <h2 id="erase-title">Erase {name} for good?</h2>
          <p>
            {`${count(tracks.length, 'track', 'tracks')} in ${cameras}, ${day(firstSeen)}, ${clock(firstSeen)} to ${clock(lastSeen)}.`}
          </p>
          <p>Erased are, with no way back:</p>
          <ul class="points">
            {whatIsErased(task).map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
          <p class="quiet">
            Not reached: copies that were exported, backups, and what others keep who follow the task.
            Somebody who comes back is a new person; those who came later have a number less.
          </p>
          <label>
            {`Type ${number}, the number of this person`}
            <input
              type="text"
              inputMode="numeric"
              autocomplete="off"
              value={typed}
              aria-describedby="erase-problem"
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </label>
          <p id="erase-problem" role="alert" class="problem">
            {problem}
          </p>
          <p class="choices">
            <button type="submit" class="danger" disabled={!isConfirmed || isErasing}>
              {isErasing ? 'Erasing ...' : 'Erase for good'}
            </button>
            <button type="button" class="plain" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}

/** As docs/history.md says it. */
function whatIsErased({ place, operations }: TaskView): string[] {
  const everywhere = [
    'vectors, paths, contacts and sightings, in the store and in the memory of the matcher',
    'announcements, and the name where others were compared with this person',
  ];
  if (place === 'cluster') return everywhere;
  const files = 'boxes, lines of results and logs, and pictures and videos that show this person';
  return [...everywhere, operations.includes('stop') ? `when the run ends: ${files}` : files];
}
