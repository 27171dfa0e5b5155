// Everybody on one axis of time: which camera saw whom when, the gaps between, and why it is one person. console.tsx opens it.
import { useMemo, useState } from 'preact/hooks';
import { forgetErased, type Model } from '../state.ts';
import { ErasePerson } from '../parts/erasePerson.tsx';
import { Explanation } from '../parts/explanation.tsx';
import { Timeline, type Selected } from '../parts/timeline.tsx';
import { cameraColour } from '../parts/cameraColour.ts';
import { linkTo } from '../route.ts';
import { count, personName } from '../words.ts';

const mostRows = 200;

export function PeoplePage({ model, person }: { model: Model; person: string | undefined }) {
  const cameras = model.task!.cameras.map(({ id }) => id);
  const [selected, setSelected] = useState<Selected>();
  const [said, setSaid] = useState('');
  const wanted = person === undefined ? undefined : model.byIdentity.get(person);
  const people = useMemo(
    () => (wanted ? [wanted] : model.identities.slice(-mostRows)),
    [model.identities, wanted],
  );
  const several = model.identities.filter(
    ({ tracks }) => new Set(tracks.map(({ camera }) => camera)).size > 1,
  );
  const task = model.task!;
  const mayErase = task.operations.includes('erase') && model.session?.role === 'operate';
  const onErased = (words: string) => {
    setSaid(words);
    setSelected(undefined);
    location.hash = linkTo('people');
    void forgetErased();
  };
  if (model.identities.length === 0) return <p role="status">{said || 'Nobody has an identity yet.'}</p>;
  return (
    <div class="people">
      <p role="status" class={said === '' ? 'hidden' : 'said'}>
        {said}
      </p>
      <p>
        {wanted ? (
          <>
            {personName(wanted)} alone. <a href={linkTo('people')}>Show everybody</a>
          </>
        ) : (
          `${count(model.identities.length, 'person', 'people')}, ${several.length} of them seen by more than one camera. ` +
          'Choose a bar, a gap or a diamond to read why.'
        )}
      </p>
      {people.length < model.identities.length && !wanted && (
        <p class="quiet">{`The newest ${people.length} are shown; search finds the others.`}</p>
      )}
      {wanted && mayErase && (
        <p>
          <ErasePerson key={wanted.identity} person={wanted} task={task} onErased={onErased} />
        </p>
      )}
      <ul class="legend" aria-label="Cameras">
        {cameras.map((camera, index) => (
          <li key={camera}>
            <span class="swatch" style={{ backgroundColor: cameraColour(index) }} /> {camera}
          </li>
        ))}
      </ul>
      <div class="split">
        <Timeline
          people={people}
          cameras={cameras}
          changes={model.changes}
          selected={selected}
          onSelect={setSelected}
        />
        <Explanation selected={selected} model={model} />
      </div>
    </div>
  );
}
