// How people went from camera to camera, from the tracks of their identities. runSource.ts shows it beside what the task allows.
import type { TaskFacts } from './taskFacts.ts';
import type { IdentityView, WayView } from './types.ts';

/** All ways that the task names or that somebody went, most travelled first; times in seconds. */
export function waysOf(identities: readonly IdentityView[], allowed: TaskFacts['allowed']): WayView[] {
  const gaps = new Map<string, number[]>();
  for (const { tracks } of identities) {
    for (const [index, track] of tracks.entries()) {
      const before = tracks[index - 1];
      // Two views that overlap see somebody at one time: that took nothing.
      if (!before || before.camera === track.camera) continue;
      const key = keyOf(before.camera, track.camera);
      const known = gaps.get(key) ?? [];
      gaps.set(key, known);
      known.push(Math.max(0, track.from - before.to));
    }
  }
  const ways = new Map<string, WayView>();
  for (const { from, to, minS, maxS } of allowed) {
    ways.set(keyOf(from, to), { from, to, allowed: { minS, maxS } });
    // A limit of the task holds in both directions.
    if (gaps.has(keyOf(to, from))) ways.set(keyOf(to, from), { from: to, to: from, allowed: { minS, maxS } });
  }
  for (const [key, all] of gaps) {
    const [from, to] = JSON.parse(key) as [string, string];
    all.sort((a, b) => a - b);
    const seen = { people: all.length, quickS: at(all, 0.1), usualS: at(all, 0.5), slowS: at(all, 0.9) };
    ways.set(key, { from, to, ...ways.get(key), seen });
  }
  return [...ways.values()].sort((a, b) => (b.seen?.people ?? 0) - (a.seen?.people ?? 0));
}

function keyOf(from: string, to: string): string {
  return JSON.stringify([from, to]);
}

/** @param sorted not empty */
function at(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.floor(share * (sorted.length - 1))]! * 10) / 10;
}
