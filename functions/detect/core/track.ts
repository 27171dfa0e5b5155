// One remembered person of the tracker: birth, prediction, and what a matched detection changes.
import { correct, filterLength, predict, startFilter, writeBox } from './kalman.ts';
import type { SeenDetections } from './association.ts';
import type { TrackerOptions } from './tracker-options.ts';

export interface Track {
  /** 0 until the track is confirmed, so that reported ids have no holes. */
  id: number;
  readonly filter: Float64Array;
  /** x1 y1 x2 y2, pixels: where the motion model expects the person now. */
  readonly predicted: Float64Array;
  hits: number;
  ageSeconds: number;
  unseenSeconds: number;
  score: number;
  /** Row of the detection matched in the current frame, -1 for none. */
  detection: number;
  appearance: Float32Array | null;
}

/** A new, unconfirmed track at one detection; `width` is the length of an appearance row, 0 without appearance. */
export function startTrack(
  detections: SeenDetections,
  row: number,
  width: number,
  options: TrackerOptions,
): Track {
  const filter = new Float64Array(filterLength);
  startFilter(filter, detections.boxes, row, options);
  const track: Track = {
    id: 0,
    filter,
    predicted: new Float64Array(4),
    hits: 1,
    ageSeconds: 0,
    unseenSeconds: 0,
    score: detections.scores[row]!,
    detection: row,
    appearance: detections.appearance?.slice(row * width, (row + 1) * width) ?? null,
  };
  writeBox(filter, track.predicted, 0);
  return track;
}

/** Moves a track ahead; until a match says otherwise it counts as unseen. */
export function advanceTrack(track: Track, dtSeconds: number, options: TrackerOptions): void {
  predict(track.filter, dtSeconds, track.unseenSeconds > 0, options);
  writeBox(track.filter, track.predicted, 0);
  track.ageSeconds += dtSeconds;
  track.unseenSeconds += dtSeconds;
  track.detection = -1;
}

/** Takes a detection into the track. */
export function matchTrack(
  track: Track,
  detections: SeenDetections,
  row: number,
  options: TrackerOptions,
): void {
  correct(track.filter, detections.boxes, row, options);
  track.hits++;
  track.unseenSeconds = 0;
  track.score = detections.scores[row]!;
  track.detection = row;
  if (track.appearance !== null && detections.appearance !== undefined && track.score >= options.highScore) {
    rememberAppearance(track.appearance, detections.appearance, row, options.appearanceMemory);
  }
}

function rememberAppearance(remembered: Float32Array, seen: Float32Array, row: number, memory: number): void {
  const start = row * remembered.length;
  let sum = 0;
  for (let k = 0; k < remembered.length; k++) {
    const blended = memory * remembered[k]! + (1 - memory) * seen[start + k]!;
    remembered[k] = blended;
    sum += blended * blended;
  }
  const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
  for (let k = 0; k < remembered.length; k++) remembered[k] = remembered[k]! * scale;
}
