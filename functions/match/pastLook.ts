// Looks for targets in all that the store knows of the times a task asks for, a part at a time: handler.ts asks it while it is idle.
// Each change of the pictures begins it anew; who was recognised before is not told again.
import type { SeenTrace } from './core/targets.ts';
import type { Lookout, Sighted } from './lookout.ts';
import type { ArchivedTrack, ArchivePlace, Store } from './store.ts';

export interface PastLook {
  /** Who was recognised in the next tracks. */
  next(): Sighted[];
  /** Whether all of the past was looked at with the pictures that count now. */
  isDone(): boolean;
}

/** Tracks a call: some ten milliseconds with many targets. */
const tracksAtOnce = 2000;
const beginning: ArchivePlace = [-Infinity, '', ''];

/** @param within seconds since the epoch */
export function createPastLook(
  store: Pick<Store, 'archived'>,
  lookout: Pick<Lookout, 'considerPast' | 'generation'>,
  within: { from: number; to: number },
): PastLook {
  let generation = 0;
  let place: ArchivePlace | undefined;

  return {
    next() {
      if (lookout.generation() !== generation) {
        generation = lookout.generation();
        place = beginning;
      }
      if (!place) return [];
      const tracks = store.archived(place, within, tracksAtOnce);
      const last = tracks.at(-1);
      place = tracks.length < tracksAtOnce || !last ? undefined : [last.from, last.camera, last.track];
      return lookout.considerPast(tracks.map(traceOf));
    },
    isDone: () => place === undefined && lookout.generation() === generation,
  };
}

function traceOf({ camera, track, model, identity, from, to, appearances }: ArchivedTrack): SeenTrace {
  const stays = [{ camera, from, to, open: false, entry: undefined, exit: undefined }];
  return { camera, track, model, identity, from, to, appearances, stays };
}
