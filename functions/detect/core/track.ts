// One remembered person of the tracker: birth, prediction, and what a matched detection changes.
import { correct, filterLength, predict, startFilter, writeBox } from './kalman.ts';
import type { SeenDetections, TrackedBox } from './detections.ts';
import type { TrackerOptions } from './trackerOptions.ts';

export interface Track {
  /** 0 until the track is reported, so that reported ids have no holes. */
  id: number;
  readonly filter: Float64Array;
  /** x1 y1 x2 y2, pixels: where the motion model expects the person now. */
  readonly predicted: Float64Array;
  hits: number;
  ageSeconds: number;
  /** Since the latest detection, 0 when matched in the current frame. */
  unseenSeconds: number;
  /** How long the track had been out of sight at the previous frame; 0 while it is visible. */
  missedSeconds: number;
  /** Since the latest detection that was strong enough for the first stage. */
  weakSeconds: number;
  score: number;
  /** Row of the detection matched in the current frame, -1 for none. */
  detection: number;
  appearance: Float32Array | null;
}

/**
 * A new track at one detection, not reported yet.
 * @param ended a track that nobody needs any more: its memory is used again
 */
export function startTrack(
  detections: SeenDetections,
  row: number,
  options: TrackerOptions,
  ended?: Track,
): Track {
  const track = ended ?? emptyTrack();
  track.id = 0;
  track.hits = 1;
  track.ageSeconds = 0;
  track.unseenSeconds = 0;
  track.missedSeconds = 0;
  track.weakSeconds = 0;
  track.score = detections.scores[row]!;
  track.detection = row;
  track.appearance = copyAppearance(detections, row, track.appearance);
  startFilter(track.filter, detections.boxes, row, options);
  writeBox(track.filter, track.predicted);
  return track;
}

function emptyTrack(): Track {
  return {
    id: 0,
    filter: new Float64Array(filterLength),
    predicted: new Float64Array(4),
    hits: 0,
    ageSeconds: 0,
    unseenSeconds: 0,
    missedSeconds: 0,
    weakSeconds: 0,
    score: 0,
    detection: -1,
    appearance: null,
  };
}

/** Moves a track ahead; until a match says otherwise it counts as unseen. */
export function advanceTrack(track: Track, dtSeconds: number, options: TrackerOptions): void {
  const isOutOfSight = track.detection < 0;
  predict(track.filter, dtSeconds, isOutOfSight, options);
  writeBox(track.filter, track.predicted);
  track.missedSeconds = isOutOfSight ? track.unseenSeconds : 0;
  track.ageSeconds += dtSeconds;
  track.unseenSeconds += dtSeconds;
  track.weakSeconds += dtSeconds;
  track.detection = -1;
}

/** Takes a detection into the track. */
export function matchTrack(
  track: Track,
  detections: SeenDetections,
  row: number,
  options: TrackerOptions,
): void {
  const score = detections.scores[row]!;
  correct(track.filter, detections.boxes, row, 1 + options.weakNoise * (1 - score), options);
  track.hits++;
  track.unseenSeconds = 0;
  track.score = score;
  track.detection = row;
  if (score < options.highScore) return;
  track.weakSeconds = 0;
  if (track.appearance !== null && detections.appearance !== undefined) {
    rememberAppearance(track.appearance, detections.appearance, row, options.appearanceMemory);
  }
}

/** The track as others see it. */
export function reportTrack(track: Track, detections: SeenDetections, started: boolean): TrackedBox {
  const isMatched = track.detection >= 0;
  const boxes = isMatched ? detections.boxes : track.predicted;
  const at = isMatched ? track.detection * 4 : 0;
  return {
    id: track.id,
    box: [boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!],
    score: track.score,
    ageSeconds: track.ageSeconds,
    unseenSeconds: track.unseenSeconds,
    detection: track.detection,
    started,
    lost: !isMatched,
  };
}

function copyAppearance(
  { appearance, count }: SeenDetections,
  row: number,
  used: Float32Array | null,
): Float32Array | null {
  if (appearance === undefined) return null;
  const length = appearance.length / count;
  const copy = used?.length === length ? used : new Float32Array(length);
  for (let k = 0; k < length; k++) copy[k] = appearance[row * length + k]!;
  return copy;
}

/** Only strong boxes teach what a person looks like: weak ones are often half somebody else. */
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
