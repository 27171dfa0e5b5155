// Why a track belongs to a person, what a gap means, why two became one. people.tsx shows it beside the timeline.
import type { Model } from '../state.ts';
import type { TrackView, WayView } from '../../functions/console/types.ts';
import { clock, duration, nameOf, readable, sayChange } from '../words.ts';
import type { Selected } from './timeline.tsx';

export function Explanation({ selected, model }: { selected: Selected; model: Model }) {
  return (
    <section class="card explanation" aria-labelledby="why-title" aria-live="polite">
      <h2 id="why-title">Why</h2>
      {selected === undefined ? (
        <p class="quiet">Nothing is chosen.</p>
      ) : (
        <>
          <p>
            <strong>{nameOf(selected.person, model.byIdentity)}</strong>
          </p>
          {selected.kind === 'track' && <Track track={selected.track} model={model} />}
          {selected.kind === 'gap' && <Gap {...selected} ways={model.task!.ways} />}
          {selected.kind === 'change' && (
            <>
              <p>
                {clock(selected.change.time)}: {sayChange(selected.change, model.byIdentity)}.
              </p>
              {'reason' in selected.change && (
                <p class="reason">{readable(selected.change.reason, model.byIdentity)}</p>
              )}
            </>
          )}
        </>
      )}
    </section>
  );
}

function Track({ track, model }: { track: TrackView; model: Model }) {
  const { camera, from, to, observations, score, margin, reason } = track;
  return (
    <>
      <p>
        In <strong>{camera}</strong>, {clock(from)} to {clock(to)} ({duration(to - from)}), seen in{' '}
        {observations} pictures.
      </p>
      {reason !== null && <p class="reason">{readable(reason, model.byIdentity)}</p>}
      <dl>
        <dt>Similarity</dt>
        <dd>{score === null ? 'nothing was comparable' : <Bar value={score} />}</dd>
        <dt>Lead over the next</dt>
        <dd>{margin === null ? 'there was no other' : <Bar value={margin} />}</dd>
      </dl>
    </>
  );
}

/** -1..1; what is below zero has no length. */
function Bar({ value }: { value: number }) {
  return (
    <span class="bar">
      <span style={{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
      <b>{value.toFixed(2)}</b>
    </span>
  );
}

function Gap({ before, after, ways }: { before: TrackView; after: TrackView; ways: readonly WayView[] }) {
  const gapS = after.from - before.to;
  const way = ways.find(({ from, to }) => from === before.camera && to === after.camera);
  return (
    <>
      <p>
        Not seen for {duration(gapS)}: left <strong>{before.camera}</strong> at {clock(before.to)}
        {before.camera === after.camera ? (
          ', came back at '
        ) : (
          <>
            , entered <strong>{after.camera}</strong> at{' '}
          </>
        )}
        {clock(after.from)}.
      </p>
      {way?.allowed && (
        <p>
          The task allows {duration(way.allowed.minS)} to {duration(way.allowed.maxS)} for this way.
        </p>
      )}
      {way?.seen && (
        <p>
          Others take {duration(way.seen.quickS)} to {duration(way.seen.slowS)}, usually{' '}
          {duration(way.seen.usualS)}.
        </p>
      )}
      {after.reason !== null && (
        <p class="quiet">Recognised again afterwards: choose the next bar to read why.</p>
      )}
    </>
  );
}
