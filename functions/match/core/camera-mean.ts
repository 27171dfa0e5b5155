// The mean appearance of each camera's people, to be subtracted before vectors are compared. Called by similarity.ts.
import { addUnit, type Trace } from './trace.ts';

export interface CameraMeans {
  /** Camera -> D values to subtract from its vectors. */
  offsets: Map<string, Float32Array>;
  /** Squared length of what all cameras have in common: how much similarity subtraction takes from any two people. */
  common: number;
}

/**
 * Shrunk means: with few people a camera's mean is mostly those people, so it is drawn to the mean of all cameras, and
 * that one to zero. Every trace counts once. Traces must come in an order of their own, not of arrival: sums depend on it.
 */
export function cameraMeans(traces: readonly Trace[], model: string, shrinkage: number): CameraMeans {
  const sums = new Map<string, { sum: Float64Array; count: number }>();
  for (const trace of traces) {
    if (trace.model !== model) continue;
    for (const [camera, mean] of meansOf(trace)) addTo(sums, camera, mean);
  }
  const offsets = new Map<string, Float32Array>();
  const first = sums.values().next();
  if (first.done) return { offsets, common: 0 };
  const dimensions = first.value.sum.length;
  const centre = new Float64Array(dimensions);
  let count = 0;
  const cameras = [...sums.keys()].sort();
  for (const camera of cameras) {
    const part = sums.get(camera)!;
    count += part.count;
    for (let i = 0; i < dimensions; i++) centre[i]! += part.sum[i]!;
  }
  let common = 0;
  for (let i = 0; i < dimensions; i++) {
    centre[i]! /= count + shrinkage;
    common += centre[i]! * centre[i]!;
  }
  for (const camera of cameras) {
    const part = sums.get(camera)!;
    const offset = new Float32Array(dimensions);
    for (let i = 0; i < dimensions; i++) {
      offset[i] = (part.sum[i]! + shrinkage * centre[i]!) / (part.count + shrinkage);
    }
    offsets.set(camera, offset);
  }
  return { offsets, common };
}

/** Largest distance between the offsets of one camera in two estimates. */
export function movement(before: CameraMeans, after: CameraMeans): number {
  let largest = 0;
  for (const [camera, offset] of after.offsets) {
    const old = before.offsets.get(camera);
    let square = 0;
    for (let i = 0; i < offset.length; i++) square += (offset[i]! - (old?.[i] ?? 0)) ** 2;
    largest = Math.max(largest, square);
  }
  return Math.sqrt(largest);
}

/** A trace's mean vector in each camera it was seen in. */
function meansOf(trace: Trace): Map<string, Float64Array> {
  const means = new Map<string, Float64Array>();
  const weights = new Map<string, number>();
  for (const appearance of trace.appearances) {
    if (!appearance) continue;
    const { camera, vector, weight } = appearance;
    let mean = means.get(camera);
    if (!mean) means.set(camera, (mean = new Float64Array(vector.length)));
    weights.set(camera, (weights.get(camera) ?? 0) + weight);
    addUnit(mean, vector, weight);
  }
  for (const [camera, mean] of means) {
    const weight = weights.get(camera)!;
    for (let i = 0; i < mean.length; i++) mean[i]! /= weight;
  }
  return means;
}

function addTo(
  sums: Map<string, { sum: Float64Array; count: number }>,
  camera: string,
  mean: Float64Array,
): void {
  let part = sums.get(camera);
  if (!part) sums.set(camera, (part = { sum: new Float64Array(mean.length), count: 0 }));
  part.count += 1;
  for (let i = 0; i < mean.length; i++) part.sum[i]! += mean[i]!;
}
