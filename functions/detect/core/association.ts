// Pairs tracks with detections for the tracker's stages: fills the cost of each pair and lets `assign` choose.
import { assign, type AssignmentSpace } from './assignment.ts';
import { centreDistance } from './kalman.ts';
import type { Detections } from './detections.ts';
import type { Track } from './track.ts';
import type { TrackerOptions } from './tracker-options.ts';

/** Detections of one frame with what they look like. */
export interface SeenDetections extends Detections {
  /** count x D, each row of length 1, D the same in every frame; compared by dot product. Left out when nothing is known. */
  readonly appearance?: Float32Array;
}

/**
 * Pairs each track of `tracks` with at most one row of `rows`. Results are in the space: `columnOfRow[i]` is an index into `rows`
 * for `tracks[i]`, `rowOfColumn[j]` the reverse, -1 for none.
 */
export function associate(
  space: AssignmentSpace,
  tracks: readonly Track[],
  detections: SeenDetections,
  rows: readonly number[],
  limit: number,
  options: TrackerOptions,
): void {
  for (let i = 0; i < tracks.length; i++) {
    for (let j = 0; j < rows.length; j++) {
      space.cost[i * rows.length + j] = pairCost(tracks[i]!, detections, rows[j]!, options);
    }
  }
  assign(space, tracks.length, rows.length, limit);
}

function pairCost(track: Track, detections: SeenDetections, row: number, options: TrackerOptions): number {
  const distance = centreDistance(track.filter, detections.boxes, row, options);
  const shared = bufferedOverlap(track.predicted, detections.boxes, row, options.buffer);
  if (distance > options.maxDistance && shared <= 0) return Infinity;
  const likelihood = Math.exp(-distance / 2);
  const cost = 1 - (1 - options.motionWeight) * shared - options.motionWeight * likelihood;
  if (options.appearanceWeight === 0 || detections.appearance === undefined || track.appearance === null)
    return cost;
  const difference = 1 - likeness(track.appearance, detections.appearance, row);
  return cost * (1 - options.appearanceWeight) + options.appearanceWeight * difference;
}

function bufferedOverlap(
  box: ArrayLike<number>,
  boxes: ArrayLike<number>,
  row: number,
  buffer: number,
): number {
  const at = row * 4;
  const growX = buffer * (box[2]! - box[0]!);
  const growY = buffer * (box[3]! - box[1]!);
  const otherX = buffer * (boxes[at + 2]! - boxes[at]!);
  const otherY = buffer * (boxes[at + 3]! - boxes[at + 1]!);
  const width =
    Math.min(box[2]! + growX, boxes[at + 2]! + otherX) - Math.max(box[0]! - growX, boxes[at]! - otherX);
  if (!(width > 0)) return 0;
  const height =
    Math.min(box[3]! + growY, boxes[at + 3]! + otherY) - Math.max(box[1]! - growY, boxes[at + 1]! - otherY);
  if (!(height > 0)) return 0;
  const scale = (1 + 2 * buffer) ** 2;
  const own = (box[2]! - box[0]!) * (box[3]! - box[1]!) * scale;
  const other = (boxes[at + 2]! - boxes[at]!) * (boxes[at + 3]! - boxes[at + 1]!) * scale;
  return (width * height) / (own + other - width * height);
}

function likeness(remembered: Float32Array, appearance: Float32Array, row: number): number {
  let sum = 0;
  const start = row * remembered.length;
  for (let k = 0; k < remembered.length; k++) sum += remembered[k]! * appearance[start + k]!;
  return sum;
}
