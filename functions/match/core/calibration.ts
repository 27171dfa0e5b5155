// Moves the model's threshold to where it belongs on this site. Called by matcher.ts at each grouping from nothing.
// Nobody labels anything: two tracks that one camera shows at one time are different people, one track early and late is one
// person. The catalogue's threshold counts until there are enough of such pairs, and never loses all its weight.
import { count, emptyHistogram, quantile, sumOf, type Histogram } from './histogram.ts';
import type { MatchSettings } from './settings.ts';
import type { Similarities } from './similarity.ts';
import type { Trace } from './trace.ts';

/** What is known of one model on this site. */
export interface ModelCalibration {
  model: string;
  /** Similarity at which "same" and "different" are equally likely: what the catalogue says, and what is in force. */
  catalogue: number;
  threshold: number;
  /** Similarity that the chosen share of different people exceeds here; NaN while too few are known. */
  site: number;
  differentPairs: number;
  samePairs: number;
}

interface Pairs {
  different: Histogram;
  same: Histogram;
  /** Tracks that the pairs are made of: many pairs of few people say little. */
  tracks: number;
}

/** What a restart must know, by model. */
export type CalibrationState = [model: string, pairs: Pairs][];

export interface Calibration {
  /** To be added to the catalogue's threshold. */
  shift(model: string): number;
  /** Counts the pairs among all in memory anew and adds those of the past. */
  learn(traces: readonly Trace[], similarities: Similarities): void;
  /** Keeps the pairs of traces that leave the memory. */
  retire(traces: readonly Trace[], leaving: ReadonlySet<Trace>, similarities: Similarities): void;
  report(similarities: Similarities): ModelCalibration[];
  state(): CalibrationState;
  restore(state: CalibrationState): void;
}

/** Below so many pairs a share of them means nothing. */
const leastPairs = 30;
/** Pairs that one track may speak for. */
const pairsOfTrack = 4;
/** Two tracks that share less time may be one person who was lost and found. */
const sharedS = 0.5;
/** Share of tracks whose own looks may lie below the threshold. */
const missedShare = 0.1;
const mostModels = 4;
/** A real distribution of different people has a longer tail than the normal one. */
const tail = 1.12;

export function createCalibration(settings: MatchSettings): Calibration {
  let past = new Map<string, Pairs>();
  let known = new Map<string, Pairs>();
  const shifts = new Map<string, number>();

  function measure(
    traces: readonly Trace[],
    similarities: Similarities,
    concerned: (a: Trace, b: Trace) => boolean,
  ): Map<string, Pairs> {
    const found = new Map<string, Pairs>();
    const of = (model: string) => {
      if (!found.has(model)) found.set(model, noPairs());
      return found.get(model)!;
    };
    for (const [a, b] of together(traces)) {
      if (concerned(a, b) && a.model === b.model) count(of(a.model).different, similarities.of(a, b));
    }
    for (const trace of traces) {
      if (trace.tracks !== 1 || !concerned(trace, trace)) continue;
      const pairs = of(trace.model);
      pairs.tracks += 1;
      count(pairs.same, similarities.within(trace));
    }
    return found;
  }

  return {
    shift: (model) => shifts.get(model) ?? 0,
    learn(traces, similarities) {
      known = added(
        past,
        measure(traces, similarities, () => true),
      );
      shifts.clear();
      for (const [model, pairs] of known)
        shifts.set(model, shiftOf(pairs, similarities.catalogueThreshold(model), settings));
    },
    retire(traces, leaving, similarities) {
      past = added(
        past,
        measure(traces, similarities, (a, b) => leaving.has(a) || leaving.has(b)),
      );
      while (past.size > mostModels) past.delete(past.keys().next().value!);
    },
    report: (similarities) =>
      [...known].slice(-mostModels).map(([model, pairs]) => ({
        model,
        catalogue: similarities.catalogueThreshold(model),
        threshold: similarities.threshold(model),
        site: siteThreshold(pairs, settings.falseMatchRate),
        differentPairs: Math.round(pairs.different.total),
        samePairs: Math.round(pairs.same.total),
      })),
    state: () => [...past],
    restore: (state) => void (past = new Map(state)),
  };
}

/** Pairs of tracks that one camera showed at one time, in canonical order. */
export function* together(traces: readonly Trace[]): Generator<[Trace, Trace]> {
  const current = new Map<string, Trace[]>();
  for (const trace of traces) {
    if (trace.tracks !== 1) continue;
    const others = (current.get(trace.camera) ?? []).filter((other) => other.to >= trace.from);
    for (const other of others)
      if (Math.min(other.to, trace.to) - trace.from >= sharedS) yield [other, trace];
    others.push(trace);
    current.set(trace.camera, others);
  }
}

/** NaN while too few pairs are known. */
function siteThreshold({ different, same }: Pairs, rate: number): number {
  if (different.total < leastPairs) return NaN;
  const middle = quantile(different, 0.5);
  const spread = Math.max(0.02, quantile(different, 0.84) - middle);
  // Some "different" pairs are one person with two boxes: the tail is believed only as far as the middle explains it.
  const explained = middle + tail * normalQuantile(rate) * spread;
  const threshold = Math.min(quantile(different, 1 - rate), explained);
  if (same.total < leastPairs) return threshold;
  return Math.min(threshold, (middle + quantile(same, 0.5)) / 2);
}

function shiftOf(pairs: Pairs, catalogue: number, settings: MatchSettings): number {
  const alike = siteThreshold(pairs, settings.falseMatchRate);
  if (Number.isNaN(alike)) return 0;
  const site = alike < catalogue ? lowered(alike, catalogue, pairs.same) : alike;
  const known = Math.min(pairs.different.total, pairsOfTrack * pairs.tracks);
  const wanted = Math.max(-settings.calibrationShift, Math.min(settings.calibrationShift, site - catalogue));
  return (wanted * known) / (known + settings.calibrationPairs);
}

/**
 * A false merge costs more than a missed match, and people are more like themselves within one track than in another camera. So
 * a threshold is lowered only where it cuts off people from themselves.
 */
function lowered(alike: number, catalogue: number, same: Histogram): number {
  if (same.total < leastPairs) return catalogue;
  return Math.max(alike, Math.min(catalogue, quantile(same, missedShare)));
}

function noPairs(): Pairs {
  return { different: emptyHistogram(), same: emptyHistogram(), tracks: 0 };
}

function added(a: ReadonlyMap<string, Pairs>, b: ReadonlyMap<string, Pairs>): Map<string, Pairs> {
  const sum = new Map(a);
  for (const [model, pairs] of b) {
    const { different, same, tracks } = sum.get(model) ?? noPairs();
    sum.delete(model);
    sum.set(model, {
      different: sumOf(different, pairs.different),
      same: sumOf(same, pairs.same),
      tracks: tracks + pairs.tracks,
    });
  }
  return sum;
}

/** How many standard deviations above the mean `share` of a normal distribution lies (Abramowitz and Stegun 26.2.23). */
function normalQuantile(share: number): number {
  const t = Math.sqrt(-2 * Math.log(share));
  return (
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3)
  );
}
