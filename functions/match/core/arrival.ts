// Puts the revisions of all cameras into one order of media time, whatever order they arrive in. Called by matcher.ts.
// A camera's own revisions usually come in order; one is let through when every other camera has got at least as far, or is
// known to have ended or to be stalled, or when too many wait.
import type { Revision } from './revise.ts';
import { sessionOf } from './trace.ts';

export interface Waiting {
  revision: Revision;
  /** Media time at which it takes its turn: that of its camera when it came, seconds. */
  turn: number;
  /** Counts the revisions of its camera. */
  order: number;
}

export interface CameraClock {
  /** Newest media time heard from it, seconds; it never says anything about earlier moments again. */
  turn: number;
  order: number;
  ended: boolean;
}

interface Line {
  clock: CameraClock;
  waiting: Waiting[];
  /** Index of the first one that still waits. */
  head: number;
  /** The tracker session whose end was told last. What comes of it later was overtaken on its way, and does not begin anew. */
  endedSession: string | undefined;
}

export interface Arrival {
  clock(camera: string): CameraClock;
  /** Puts a revision in line; `time` is the media time of the event that brought it. */
  put(revision: Revision, time: number): Waiting;
  /** Puts back what a restart found in the store. */
  restore(camera: string, clock: CameraClock, waiting: Waiting[]): void;
  /** The next revision whose turn it is. */
  next(stalled: ReadonlySet<string>): Waiting | undefined;
  /** @param session of the tracker that ended, where it is known */
  end(camera: string, session?: string): void;
  ended(): boolean;
  size(): number;
}

/** @param cameras all cameras of the task; others may appear @param maxWaiting revisions that may wait in all */
export function createArrival(cameras: readonly string[], maxWaiting: number): Arrival {
  const lines = new Map<string, Line>();
  let size = 0;
  for (const camera of [...cameras].sort()) line(camera);

  function line(camera: string): Line {
    let found = lines.get(camera);
    if (!found) {
      const clock = { turn: -Infinity, order: 0, ended: false };
      found = { clock, waiting: [], head: 0, endedSession: undefined };
      lines.set(camera, found);
    }
    return found;
  }

  /** The line whose first revision comes first; cameras break ties. */
  function earliest(): Line | undefined {
    let best: Line | undefined;
    for (const candidate of lines.values()) {
      const first = candidate.waiting[candidate.head];
      const other = best?.waiting[best.head];
      if (first && (!other || comesBefore(first, other))) best = candidate;
    }
    return best;
  }

  function blocked(first: Waiting, stalled: ReadonlySet<string>): boolean {
    for (const [camera, { clock, waiting, head }] of lines) {
      if (camera === first.revision.camera || clock.ended || stalled.has(camera)) continue;
      if (head >= waiting.length && clock.turn <= first.turn) return true;
    }
    return false;
  }

  return {
    clock: (camera) => line(camera).clock,
    put(revision, time) {
      const { clock, waiting, endedSession } = line(revision.camera);
      clock.turn = Math.max(clock.turn, time, revision.tracklet.to);
      clock.order += 1;
      clock.ended &&= endedSession === sessionOf(revision.tracklet.track);
      const entry = { revision, turn: clock.turn, order: clock.order };
      waiting.push(entry);
      size += 1;
      return entry;
    },
    restore(camera, clock, waiting) {
      const found = line(camera);
      Object.assign(found.clock, clock);
      found.waiting = waiting;
      size += waiting.length;
    },
    next(stalled) {
      const best = earliest();
      const first = best?.waiting[best.head];
      if (!best || !first || (size <= maxWaiting && blocked(first, stalled))) return undefined;
      best.head += 1;
      size -= 1;
      if (best.head > 256 && best.head * 2 > best.waiting.length) {
        best.waiting.splice(0, best.head);
        best.head = 0;
      }
      return first;
    },
    end(camera, session) {
      const found = line(camera);
      found.clock.ended = true;
      found.endedSession = session;
    },
    ended: () => lines.size > 0 && [...lines.values()].every((each) => each.clock.ended),
    size: () => size,
  };
}

function comesBefore(a: Waiting, b: Waiting): boolean {
  if (a.turn !== b.turn) return a.turn < b.turn;
  return a.revision.camera < b.revision.camera;
}
