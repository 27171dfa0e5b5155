// What was decided, newest first, in words; read aloud while the view follows what happens. live.tsx shows it.
import { useMemo, useState } from 'preact/hooks';
import type { IdentityChange } from '../../config/events.ts';
import type { Model } from '../state.ts';
import { clock, readable, sayChange } from '../words.ts';
import { Badge } from './person.tsx';

const mostShown = 40;

export function Feed({ model, time, isLive }: { model: Model; time: number; isLive: boolean }) {
  const until = isLive ? Infinity : time;
  const shown = useMemo(() => upTo(model.changes, until), [model.changes, Math.floor(until)]);
  return (
    <section class="feed card" aria-labelledby="feed-title">
      <h2 id="feed-title">What was decided</h2>
      {shown.length === 0 && <p class="quiet">Nothing until this moment.</p>}
      <ol aria-live={isLive ? 'polite' : 'off'} aria-relevant="additions">
        {shown.map((change) => (
          <Entry key={keyOf(change)} change={change} model={model} />
        ))}
      </ol>
    </section>
  );
}

function Entry({ change, model }: { change: IdentityChange; model: Model }) {
  const [isOpen, setOpen] = useState(false);
  const person = model.byIdentity.get(change.identity);
  return (
    <li>
      <time dateTime={new Date(change.time * 1000).toISOString()}>{clock(change.time)}</time>
      {person && <Badge person={person} />}
      {'reason' in change ? (
        <button type="button" class="why" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {sayChange(change, model.byIdentity)}
        </button>
      ) : (
        <span>{sayChange(change, model.byIdentity)}</span>
      )}
      {isOpen && 'reason' in change && <p class="reason">{readable(change.reason, model.byIdentity)}</p>}
    </li>
  );
}

function upTo(changes: readonly IdentityChange[], time: number): IdentityChange[] {
  return changes
    .filter((change) => change.time <= time)
    .sort((a, b) => b.time - a.time)
    .slice(0, mostShown);
}

function keyOf(change: IdentityChange): string {
  const { kind, identity, time } = change;
  const more = 'track' in change ? `${change.camera} ${change.track}` : 'other' in change ? change.other : '';
  return `${kind} ${identity} ${time} ${more}`;
}
