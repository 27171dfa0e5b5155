// What has to be said when the grouping of tracks changes. Called by matcher.ts after each evaluation.
import type { Evidence, IdentityChange } from '../../../config/events.ts';

/** One announced track (or condensed identity) with its identity before and after. */
export interface Move {
  camera: string;
  track: string;
  /** Undefined: it was never announced. */
  before: string | undefined;
  after: string;
  evidence: Evidence;
}

/**
 * Changes that, replayed in order, turn the identities before into those after: splits, then merges, then assignments.
 * @param moves in canonical order
 * @param time media time of the decision, seconds
 */
export function changesOf(moves: readonly Move[], time: number): IdentityChange[] {
  const changes: IdentityChange[] = [];
  const byOld = new Map<string, Move[]>();
  const known = new Set<string>();
  for (const move of moves) {
    if (move.before === undefined) continue;
    known.add(move.before);
    const group = byOld.get(move.before);
    if (group) group.push(move);
    else byOld.set(move.before, [move]);
  }
  const merges: IdentityChange[] = [];
  const receiving = new Set(moves.filter((move) => move.before !== move.after).map((move) => move.after));
  for (const [identity, members] of byOld) {
    const parts = new Map<string, Move[]>();
    for (const move of members) {
      const part = parts.get(move.after);
      if (part) part.push(move);
      else parts.set(move.after, [move]);
    }
    // The part that keeps the name stays; with none, the earliest part stays under the old name until it is merged.
    // A name that others take over in the same step cannot be merged away without them: its tracks are named one by one.
    const staying = parts.has(identity) || receiving.has(identity) ? identity : members[0]!.after;
    for (const [to, part] of parts) {
      if (to === staying) continue;
      const tracks = part.map(({ camera, track }) => ({ camera, track }));
      changes.push({ kind: 'split', identity, to, tracks, time, ...part[0]!.evidence });
    }
    if (staying !== identity) {
      merges.push({
        kind: 'merged',
        identity: staying,
        from: identity,
        time,
        ...parts.get(staying)![0]!.evidence,
      });
    }
  }
  changes.push(...merges);
  const named = new Set<string>(moves.filter((move) => move.before !== undefined).map((move) => move.after));
  for (const { camera, track, before, after, evidence } of moves) {
    if (before !== undefined) continue;
    const isNew = !named.has(after) && !known.has(after);
    named.add(after);
    changes.push({ kind: 'assigned', identity: after, camera, track, time, isNew, ...evidence });
  }
  return changes;
}
