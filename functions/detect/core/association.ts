// Pairs tracks with detections for the tracker's stages: fills the cost of each pair and lets `assign` choose.
import { assign, type AssignmentSpace } from './assignment.ts';
import { centreDeviation } from './kalman.ts';
import type { SeenDetections } from './detections.ts';
import type { Track } from './track.ts';
import type { AssociationOptions } from './trackerOptions.ts';

/** Some tracks, or some rows of a frame's detections, by index: a list whose memory is kept from frame to frame. */
export interface Choice {
  readonly indices: Int32Array;
  count: number;
}

export function createChoice(most: number): Choice {
  return { indices: new Int32Array(most), count: 0 };
}

/**
 * Pairs each of the `chosen` tracks with at most one of `rows`; a pair costs 1 - similarity and must stay below `limit`.
 * Results are in the space: `columnOfRow[i]` is a place in `rows` for the i-th chosen track, `rowOfColumn[j]` the reverse, -1 for none.
 */
export function associate(
  space: AssignmentSpace,
  tracks: readonly Track[],
  chosen: Choice,
  detections: SeenDetections,
  rows: Choice,
  limit: number,
  options: AssociationOptions,
): void {
  for (let i = 0; i < chosen.count; i++) {
    const track = tracks[chosen.indices[i]!]!;
    fillCosts(space.cost, i * rows.count, track, detections, rows, 1 - limit, options);
  }
  assign(space, chosen.count, rows.count, limit);
}

function fillCosts(
  cost: Float64Array,
  start: number,
  track: Track,
  detections: SeenDetections,
  rows: Choice,
  least: number,
  options: AssociationOptions,
): void {
  const reachX = options.reach * centreDeviation(track.filter, 0);
  const reachY = options.reach * centreDeviation(track.filter, 1);
  const claim = Math.exp(-options.lostWeight * track.missedSeconds);
  for (let j = 0; j < rows.count; j++) {
    const row = rows.indices[j]!;
    let similarity = claim * reachedOverlap(track.predicted, reachX, reachY, detections.boxes, row);
    if (similarity > least) similarity *= resemblance(track, detections, row, options);
    cost[start + j] = similarity > least ? 1 - similarity : Infinity;
  }
}

/** Intersection over union after both boxes grew by the reach on each side (after the buffered IoU of C-BIoU). */
function reachedOverlap(
  box: Float64Array,
  reachX: number,
  reachY: number,
  boxes: Float32Array,
  row: number,
): number {
  const at = row * 4;
  const width = Math.min(box[2]!, boxes[at + 2]!) - Math.max(box[0]!, boxes[at]!) + 2 * reachX;
  if (!(width > 0)) return 0;
  const height = Math.min(box[3]!, boxes[at + 3]!) - Math.max(box[1]!, boxes[at + 1]!) + 2 * reachY;
  if (!(height > 0)) return 0;
  const own = (box[2]! - box[0]! + 2 * reachX) * (box[3]! - box[1]! + 2 * reachY);
  const other = (boxes[at + 2]! - boxes[at]! + 2 * reachX) * (boxes[at + 3]! - boxes[at + 1]! + 2 * reachY);
  return (width * height) / (own + other - width * height);
}

/** 1 for the same height and the same looks, towards 0 for others. */
function resemblance(
  track: Track,
  detections: SeenDetections,
  row: number,
  options: AssociationOptions,
): number {
  const { boxes, appearance } = detections;
  const height = boxes[row * 4 + 3]! - boxes[row * 4 + 1]!;
  const expected = track.predicted[3]! - track.predicted[1]!;
  let difference = options.sizeWeight * Math.abs(Math.log(height / expected));
  if (track.appearance !== null && appearance !== undefined) {
    difference += options.appearanceWeight * (1 - likeness(track.appearance, appearance, row));
  }
  return Math.exp(-difference);
}

function likeness(remembered: Float32Array, appearance: Float32Array, row: number): number {
  let sum = 0;
  const start = row * remembered.length;
  for (let k = 0; k < remembered.length; k++) sum += remembered[k]! * appearance[start + k]!;
  return sum;
}
