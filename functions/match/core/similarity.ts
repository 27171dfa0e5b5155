// Appearance similarity of every pair of traces, kept up to date as traces change. Called by matcher.ts at each evaluation.
import { cameraMeans, movement, type CameraMeans } from './camera-mean.ts';
import type { MatchSettings } from './settings.ts';
import { addUnit, type Trace } from './trace.ts';

/** A trace's vectors after subtraction of the camera means, each of length 1. */
interface View {
  slot: number;
  mean: Float32Array;
  parts: Float32Array[];
}

/** Below this distance under the threshold the best pair of vectors cannot change a decision. */
const refineWithin = 0.35;
/** Movement of a camera's mean after which everything is compared again. */
const tolerableMovement = 0.04;
/** Means are learned again when there are so many times more or fewer traces. */
const growth = 1.05;

export interface Similarities {
  /**
   * Brings the table up to date. `traces` in canonical order; `afresh` recomputes all of it, so that the result
   * depends on the traces alone.
   */
  update(traces: readonly Trace[], afresh: boolean): void;
  /**
   * n x n log-odds that two traces are one person, from appearance alone; -Infinity where they cannot be compared. Valid
   * until the next call.
   */
  odds(traces: readonly Trace[]): Float64Array;
  /** Similarity of two traces of one model, -1..1; NaN where they cannot be compared. */
  of(a: Trace, b: Trace): number;
  /** Similarity of what a trace looked like first and last; NaN when it has one look only. */
  within(trace: Trace): number;
  /** The similarity at which "same" and "different" are equally likely, after subtraction. */
  threshold(model: string): number;
  /** The same before the site's calibration moved it. */
  catalogueThreshold(model: string): number;
  /** Pairs of traces compared so far: what deciding costs. */
  comparisons(): number;
  forget(trace: Trace): void;
}

/**
 * A table for at most `capacity` traces.
 * @param shift what calibration adds to a model's threshold
 */
export function createSimilarities(
  settings: MatchSettings,
  capacity: number,
  shift: (model: string) => number = () => 0,
): Similarities {
  const table = new Float32Array(capacity * capacity);
  const oddsSpace = new Float64Array(capacity * capacity);
  const views = new Map<Trace, View>();
  const means = new Map<string, CameraMeans>();
  const seenWhenLearned = new Map<string, number>();
  const free: number[] = [];
  let slots = 0;
  let comparisons = 0;

  function viewOf(trace: Trace, offsets: CameraMeans): View {
    const slot = views.get(trace)?.slot ?? free.pop() ?? slots++;
    const present = trace.appearances
      .filter((appearance) => appearance !== undefined)
      .sort((a, b) => a.time - b.time);
    const parts = present.map(({ camera, vector }) => centred(vector, offsets.offsets.get(camera)));
    const mean = new Float32Array(present[0]?.vector.length ?? 0);
    parts.forEach((part, i) => {
      for (let k = 0; k < mean.length; k++) mean[k]! += part[k]! * present[i]!.weight;
    });
    normalise(mean);
    return { slot, mean, parts };
  }

  function fill(a: View, b: View, threshold: number): void {
    let value = dot(a.mean, b.mean);
    if (value > threshold - refineWithin) {
      let best = -1;
      for (const p of a.parts) for (const q of b.parts) best = Math.max(best, dot(p, q));
      value = (1 - settings.bestPairShare) * value + settings.bestPairShare * best;
    }
    comparisons += 1;
    table[a.slot * capacity + b.slot] = value;
    table[b.slot * capacity + a.slot] = value;
  }

  function catalogueThreshold(model: string): number {
    const common = means.get(model)?.common ?? 0;
    return (settings.threshold - common) / (1 - common);
  }

  function threshold(model: string): number {
    return catalogueThreshold(model) + shift(model);
  }

  /** True when the means that vectors are compared under have changed. */
  function refreshMeans(model: string, traces: readonly Trace[], afresh: boolean): boolean {
    const used = means.get(model);
    const seen = seenWhenLearned.get(model) ?? 0;
    if (used && !afresh && traces.length < seen * growth && traces.length > seen / growth) return false;
    seenWhenLearned.set(model, traces.length);
    const latest = cameraMeans(traces, model, settings.meanShrinkage);
    if (used && !afresh && movement(used, latest) <= tolerableMovement) return false;
    means.set(model, latest);
    return true;
  }

  function updateModel(model: string, traces: readonly Trace[], afresh: boolean): void {
    const all = refreshMeans(model, traces, afresh);
    const offsets = means.get(model)!;
    const changed = traces.filter((trace) => all || trace.dirty || !views.has(trace));
    for (const trace of changed) views.set(trace, viewOf(trace, offsets));
    const limit = catalogueThreshold(model);
    const done = new Set<Trace>();
    for (const trace of changed) {
      const view = views.get(trace)!;
      done.add(trace);
      for (const other of traces) if (!done.has(other)) fill(view, views.get(other)!, limit);
    }
  }

  return {
    update(traces, afresh) {
      const models = new Map<string, Trace[]>();
      for (const trace of traces) {
        if (!trace.appearances.some((appearance) => appearance !== undefined)) continue;
        const group = models.get(trace.model);
        if (group) group.push(trace);
        else models.set(trace.model, [trace]);
      }
      for (const [model, group] of models) updateModel(model, group, afresh);
      for (const trace of traces) trace.dirty = false;
    },
    odds(traces) {
      const n = traces.length;
      const out = oddsSpace.subarray(0, n * n).fill(-Infinity);
      const rows = traces.map((trace) => views.get(trace)?.slot ?? -1);
      const { slope, appearanceFloor, appearanceCeiling } = settings;
      for (let a = 0; a < n; a++) {
        const limit = threshold(traces[a]!.model);
        for (let b = a + 1; b < n; b++) {
          if (rows[a]! < 0 || rows[b]! < 0 || traces[a]!.model !== traces[b]!.model) continue;
          const value = slope * (table[rows[a]! * capacity + rows[b]!]! - limit);
          const bounded =
            value < appearanceFloor ? appearanceFloor : value > appearanceCeiling ? appearanceCeiling : value;
          out[a * n + b] = bounded;
          out[b * n + a] = bounded;
        }
      }
      return out;
    },
    of(a, b) {
      const first = views.get(a);
      const second = views.get(b);
      return first && second && a.model === b.model ? table[first.slot * capacity + second.slot]! : NaN;
    },
    within(trace) {
      const parts = views.get(trace)?.parts ?? [];
      return parts.length < 2 ? NaN : dot(parts[0]!, parts[parts.length - 1]!);
    },
    threshold,
    catalogueThreshold,
    comparisons: () => comparisons,
    forget(trace) {
      const view = views.get(trace);
      if (!view) return;
      free.push(view.slot);
      views.delete(trace);
    },
  };
}

/** The unit vector minus the offset, of length 1 again. */
function centred(vector: Int8Array, offset: Float32Array | undefined): Float32Array {
  const out = new Float32Array(vector.length);
  addUnit(out, vector, 1);
  if (offset) for (let i = 0; i < out.length; i++) out[i]! -= offset[i]!;
  normalise(out);
  return out;
}

/** Scales to length 1; what is nothing but rounding becomes zeros, similar to nothing. */
function normalise(vector: Float32Array): void {
  let square = 0;
  for (const value of vector) square += value * value;
  const factor = square < 1e-12 ? 0 : 1 / Math.sqrt(square);
  for (let i = 0; i < vector.length; i++) vector[i]! *= factor;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
