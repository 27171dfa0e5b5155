// Finds people by a picture of them, by time, camera or name. console.tsx opens it.
import { useMemo, useRef, useState } from 'preact/hooks';
import type { FoundView, IdentityView } from '../../functions/console/types.ts';
import { api } from '../api.ts';
import { Badge } from '../parts/person.tsx';
import { linkTo } from '../route.ts';
import type { Model } from '../state.ts';
import { clock, count, day, duration, personName } from '../words.ts';

const mostShown = 100;

export function SearchPage({ model }: { model: Model }) {
  const task = model.task!;
  const [name, setName] = useState('');
  const [camera, setCamera] = useState('');
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const found = useMemo(
    () =>
      model.identities.filter((each) => fits(each, { name, camera, from: seconds(from), to: seconds(to) })),
    [model.identities, name, camera, from, to],
  );
  return (
    <div class="search">
      <PictureSearch model={model} />
      <section class="card" aria-labelledby="by-title">
        <h2 id="by-title">By time, camera or name</h2>
        <form class="fields" onSubmit={(event) => event.preventDefault()}>
          <label>
            Seen from
            <input
              type="datetime-local"
              step="1"
              value={from}
              onInput={(event) => setFrom(event.currentTarget.value)}
            />
          </label>
          <label>
            until
            <input
              type="datetime-local"
              step="1"
              value={to}
              onInput={(event) => setTo(event.currentTarget.value)}
            />
          </label>
          <label>
            Camera
            <select value={camera} onChange={(event) => setCamera(event.currentTarget.value)}>
              <option value="">any</option>
              {task.cameras.map(({ id }) => (
                <option key={id} value={id}>
                  {id}
                </option>
              ))}
            </select>
          </label>
          <label>
            Number, name or identity
            <input type="search" value={name} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
        </form>
        <p role="status">{count(found.length, 'person', 'people')} found</p>
        <ul class="found">
          {found.slice(0, mostShown).map((each) => (
            <li key={each.identity}>
              <Card person={each} />
            </li>
          ))}
        </ul>
        {found.length > mostShown && (
          <p class="quiet">{`The first ${mostShown} are shown: narrow the search.`}</p>
        )}
      </section>
    </div>
  );
}

function Card({ person, note }: { person: IdentityView; note?: string }) {
  const { tracks, firstSeen, lastSeen, identity } = person;
  const cameras = [...new Set(tracks.map(({ camera }) => camera))];
  const visibleS = tracks.reduce((sum, track) => sum + track.to - track.from, 0);
  return (
    <a class="result" href={linkTo('people', identity)}>
      <Badge person={person} />
      <span>
        <strong>{personName(person)}</strong> {note !== undefined && <em>{note}</em>}
        <br />
        <span class="quiet">
          {day(firstSeen)}, {clock(firstSeen)} to {clock(lastSeen)}; {duration(visibleS)} in{' '}
          {cameras.join(', ')}
        </span>
      </span>
    </a>
  );
}

const accepted = ['image/jpeg', 'image/png', 'image/webp'];

function PictureSearch({ model }: { model: Model }) {
  const [picture, setPicture] = useState<string>();
  const [found, setFound] = useState<FoundView[]>();
  const [said, setSaid] = useState('');
  const field = useRef<HTMLInputElement>(null);
  if (!model.task!.pictureSearch)
    return (
      <section class="card" aria-labelledby="picture-title">
        <h2 id="picture-title">By picture</h2>
        <p class="quiet">People cannot be compared with pictures here.</p>
      </section>
    );
  const look = async (file: File | undefined) => {
    if (!file) return;
    if (picture !== undefined) URL.revokeObjectURL(picture);
    setFound(undefined);
    if (!accepted.includes(file.type)) return setSaid('Give a JPEG, PNG or WebP picture.');
    setPicture(URL.createObjectURL(file));
    setSaid('Comparing ...');
    try {
      const hits = await api.search(file);
      setFound(hits);
      setSaid(
        hits.length === 0
          ? 'Nobody like that was seen.'
          : `${count(hits.length, 'visit', 'visits')}, the most similar first.`,
      );
    } catch (error) {
      setSaid((error as Error).message);
    }
  };
  return (
    <section class="card" aria-labelledby="picture-title">
      <h2 id="picture-title">By picture</h2>
      <div
        class="drop"
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          void look(event.dataTransfer?.files[0]);
        }}
      >
        {picture !== undefined && <img src={picture} alt="The picture that is looked for" />}
        <label>
          Drop a picture of one person here, or choose one
          <input
            ref={field}
            type="file"
            accept={accepted.join(',')}
            onChange={(event) => void look(event.currentTarget.files?.[0])}
          />
        </label>
      </div>
      <p role="status">{said}</p>
      <ol class="found">
        {found?.map((hit) => {
          const person = hit.identity === null ? undefined : model.byIdentity.get(hit.identity);
          const note = `similarity ${hit.similarity.toFixed(2)}, ${hit.camera} ${clock(hit.from)}`;
          return (
            <li key={`${hit.camera} ${hit.track}`}>
              {person ? (
                <Card person={person} note={note} />
              ) : (
                <span class="result">{`Somebody: ${note}`}</span>
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

interface Wanted {
  name: string;
  camera: string;
  from: number;
  to: number;
}

/** A time without end where nothing is given. */
function seconds(text: string): number {
  return Date.parse(text) / 1000;
}

function fits(person: IdentityView, { name, camera, from, to }: Wanted): boolean {
  const asked = name.trim().toLowerCase();
  const names = [String(person.number), personName(person).toLowerCase(), person.identity];
  const isNamed =
    asked === '' || (/^\d+$/.test(asked) ? names[0] === asked : names.some((each) => each.includes(asked)));
  return (
    isNamed &&
    person.tracks.some(
      (track) => (camera === '' || track.camera === camera) && !(track.to < from) && !(track.from > to),
    )
  );
}
