// Learned topology: how people go from camera to camera and how long that takes. Called by matcher.ts at each grouping from
// nothing; what it learns is evidence for the next one. Only matches that appearance alone makes sure are learned from.
import type { MatchSettings } from './settings.ts';
import type { Stay } from './trace.ts';

/** Somebody left one camera and was next seen by another. */
export interface Link {
  from: string;
  to: string;
  /** Seconds between; links at the same time are left out. */
  gapS: number;
}

/** One learned way, for people to look at. */
export interface Way {
  from: string;
  to: string;
  people: number;
  /** Of those who left `from` and were seen again, 0..1. */
  share: number;
  /** Seconds within which a tenth, half and nine tenths of them arrive. */
  quickS: number;
  usualS: number;
  slowS: number;
}

/** What a restart must know: counts by bin of time for each directed pair of cameras. */
export type WaysState = [from: string, to: string, counts: number[]][];

export interface Ways {
  /** Log-odds that who left `a` is who enters `b` later, beyond what the gap says on any site. */
  odds(a: Stay, b: Stay): number;
  /** Replaces what is known of those in memory and adds the past. */
  learn(links: readonly Link[]): void;
  /** Keeps the links of traces that leave the memory. */
  retire(links: readonly Link[]): void;
  /** Most travelled first. */
  report(most: number): Way[];
  state(): WaysState;
  restore(state: WaysState): void;
}

/** Lower edges of the bins, seconds; the last one has no end. */
const edges = [0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 2400];
const longestS = 4800;
/** Directed pairs of cameras that are remembered: those travelled most. */
const mostWays = 2000;
/** Links out of one camera beyond which all of them are halved, so that a site that changes is noticed. */
const mostLinks = 4000;

interface Counts {
  to: Map<string, number[]>;
  total: number;
}

/** @param cameras how many the task has: somebody who leaves one goes to any other, as far as is known at first */
export function createWays(cameras: number, settings: MatchSettings): Ways {
  let past = new Map<string, Counts>();
  let known = new Map<string, Counts>();
  const expected = expectedShares(settings);
  /** Mean odds of those who left each camera. */
  const usualOdds = new Map<string, number>();
  const elsewhere = 1 / Math.max(1, cameras - 1);

  /** @param without so many of those who went just there then */
  function rawOdds(leaving: Counts, camera: string, bin: number, without: number): number {
    const usual = expected[bin]! * elsewhere;
    const counts = leaving.to.get(camera);
    const seen = counts ? smoothed(counts, bin) - ownWeight * without : 0;
    const share =
      (Math.max(0, seen) + settings.wayMemory * usual) / (leaving.total - without + settings.wayMemory);
    // Whatever was learned, somebody may do what nobody has done: that keeps its share.
    return Math.log(settings.wayFloorShare + (1 - settings.wayFloorShare) * (share / usual));
  }

  /**
   * Ways only tell usual from unusual: they must not make all who go the usual ones more alike, or everybody would merge.
   * Nobody counts for the usualness of their own way, or few people would seem to have a most regular one.
   */
  function weigh(): void {
    usualOdds.clear();
    for (const [camera, leaving] of known) {
      let sum = 0;
      for (const [to, counts] of leaving.to)
        counts.forEach(
          (each, bin) => (sum += each === 0 ? 0 : each * rawOdds(leaving, to, bin, Math.min(1, each))),
        );
      usualOdds.set(camera, sum / leaving.total);
    }
  }

  return {
    odds(a, b) {
      const leaving = known.get(a.camera);
      const gapS = b.from - a.to;
      if (!leaving || gapS <= 0 || a.camera === b.camera) return 0;
      const trust = leaving.total / (leaving.total + settings.wayMemory);
      const value = trust * (rawOdds(leaving, b.camera, binOf(gapS), 0) - usualOdds.get(a.camera)!);
      return Math.max(settings.transitionFloor, Math.min(settings.transitionCeiling, value));
    },
    learn(links) {
      known = copyOf(past);
      for (const link of links) add(known, link);
      weigh();
    },
    retire(links) {
      for (const link of links) add(past, link);
      prune(past);
    },
    report: (most) =>
      [...known]
        .flatMap(([from, { to, total }]) =>
          [...to].map(([camera, counts]) => wayOf(from, camera, counts, total)),
        )
        .sort((a, b) => b.people - a.people || (a.from + a.to < b.from + b.to ? -1 : 1))
        .slice(0, most),
    state: () =>
      [...past].flatMap(([from, { to }]) =>
        [...to].map(([camera, counts]): WaysState[number] => [from, camera, counts]),
      ),
    restore(state) {
      past = new Map();
      for (const [from, to, counts] of state) {
        const leaving = past.get(from) ?? { to: new Map<string, number[]>(), total: 0 };
        leaving.to.set(to, counts);
        leaving.total += counts.reduce((sum, each) => sum + each, 0);
        past.set(from, leaving);
      }
      known = copyOf(past);
      weigh();
    },
  };
}

function binOf(gapS: number): number {
  let bin = edges.length - 1;
  while (gapS < edges[bin]!) bin -= 1;
  return bin;
}

/** Share of each bin when nothing is known but what the gap's own prior says (see `continuity`). */
function expectedShares({ gapScaleS }: MatchSettings): number[] {
  const upTo = (seconds: number) => Math.log1p(seconds / gapScaleS);
  const all = upTo(longestS);
  return edges.map((edge, i) => (upTo(edges[i + 1] ?? longestS) - upTo(edge)) / all);
}

/** Weight of a bin beside its neighbours. */
const ownWeight = 0.5;

/** A count with a part of its neighbours': nobody walks by the clock. */
function smoothed(counts: readonly number[], bin: number): number {
  return (
    ownWeight * counts[bin]! +
    0.25 * (counts[bin - 1] ?? counts[bin]!) +
    0.25 * (counts[bin + 1] ?? counts[bin]!)
  );
}

function add(counts: Map<string, Counts>, { from, to, gapS }: Link): void {
  if (gapS <= 0 || from === to) return;
  let leaving = counts.get(from);
  if (!leaving) counts.set(from, (leaving = { to: new Map(), total: 0 }));
  let way = leaving.to.get(to);
  if (!way) leaving.to.set(to, (way = new Array<number>(edges.length).fill(0)));
  way[binOf(gapS)]! += 1;
  leaving.total += 1;
  if (leaving.total <= mostLinks) return;
  for (const [camera, each] of leaving.to)
    leaving.to.set(
      camera,
      each.map((value) => value / 2),
    );
  leaving.total /= 2;
}

function prune(counts: Map<string, Counts>): void {
  const all = [...counts].flatMap(([from, { to }]) =>
    [...to].map(([camera, each]) => ({ from, camera, people: each.reduce((sum, value) => sum + value, 0) })),
  );
  if (all.length <= mostWays) return;
  all.sort((a, b) => a.people - b.people);
  for (const { from, camera, people } of all.slice(0, all.length - mostWays)) {
    const leaving = counts.get(from)!;
    leaving.to.delete(camera);
    leaving.total -= people;
  }
}

function copyOf(counts: ReadonlyMap<string, Counts>): Map<string, Counts> {
  return new Map(
    [...counts].map(([from, { to, total }]) => [
      from,
      { to: new Map([...to].map(([camera, each]) => [camera, [...each]])), total },
    ]),
  );
}

function wayOf(from: string, to: string, counts: readonly number[], total: number): Way {
  const people = counts.reduce((sum, each) => sum + each, 0);
  const at = (share: number) => {
    let left = share * people;
    for (const [i, here] of counts.entries()) {
      const [low, high] = [edges[i]!, edges[i + 1] ?? longestS];
      if (here > 0 && left <= here) return low + (left / here) * (high - low);
      left -= here;
    }
    return longestS;
  };
  const [quickS, usualS, slowS] = [at(0.1), at(0.5), at(0.9)];
  return { from, to, people: Math.round(people), share: people / total, quickS, usualS, slowS };
}
