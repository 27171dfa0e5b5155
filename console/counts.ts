// How many people were in sight over time, from when each was where; views/counts.tsx draws it.
import type { IdentityView } from '../functions/console/types.ts';

export interface Counts {
  /** Beginning of each step, seconds since the epoch. */
  times: number[];
  stepS: number;
  /** Different people in sight of any camera during each step. */
  all: number[];
  /** Camera -> different people in its sight during each step. */
  byCamera: Map<string, number[]>;
}

const steps = [1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21_600, 86_400];
const mostSteps = 60;

/** @param people at least one */
export function countsOf(people: readonly IdentityView[], cameras: readonly string[]): Counts {
  const from = Math.min(...people.map(({ firstSeen }) => firstSeen));
  const to = Math.max(...people.map(({ lastSeen }) => lastSeen));
  const stepS = steps.find((each) => (to - from) / each <= mostSteps) ?? (to - from) / mostSteps;
  const start = Math.floor(from / stepS) * stepS;
  const length = Math.max(1, Math.ceil((to - start + 1e-6) / stepS));
  const times = Array.from({ length }, (_each, index) => start + index * stepS);
  const all = new Array<number>(length).fill(0);
  const byCamera = new Map(cameras.map((camera) => [camera, new Array<number>(length).fill(0)]));
  for (const { tracks } of people) {
    const seen = new Map<string, Set<number>>();
    const anywhere = new Set<number>();
    for (const track of tracks) {
      const of = seen.get(track.camera) ?? new Set<number>();
      seen.set(track.camera, of);
      const last = Math.min(length - 1, Math.floor((track.to - start) / stepS));
      for (let step = Math.max(0, Math.floor((track.from - start) / stepS)); step <= last; step++) {
        of.add(step);
        anywhere.add(step);
      }
    }
    for (const step of anywhere) all[step]! += 1;
    for (const [camera, own] of seen)
      for (const step of own) if (byCamera.has(camera)) byCamera.get(camera)![step]! += 1;
  }
  return { times, stepS, all, byCamera };
}
