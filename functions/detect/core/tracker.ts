// The detect handler calls `step` once a frame for each camera: boxes in, people with stable ids out.
import { createAssignmentSpace, type AssignmentSpace } from './assignment.ts';
import { associate, type SeenDetections } from './association.ts';
import { advanceTrack, matchTrack, startTrack, type Track } from './track.ts';
import { defaultTrackerOptions, type TrackerOptions } from './tracker-options.ts';
import type { TrackedBox, TrackedFrame } from './detections.ts';

/** Everything one camera's tracker remembers; a value of its own, shared with no other camera. Changed in place by `step`. */
export interface TrackerState {
  readonly options: TrackerOptions;
  readonly space: AssignmentSpace;
  tracks: Track[];
  lastId: number;
  /** Media time of the previous frame, seconds; null before the first. */
  timeSeconds: number | null;
}

export function createTracker(options: Partial<TrackerOptions> = {}): TrackerState {
  const settings = { ...defaultTrackerOptions, ...options };
  return {
    options: settings,
    space: createAssignmentSpace(settings.maxTracks, settings.maxDetections),
    tracks: [],
    lastId: 0,
    timeSeconds: null,
  };
}

/**
 * Advances the tracker by one frame. Call it once for every frame, also when nothing was detected.
 * @param detections strongest first; image pixels
 * @param timeSeconds media time of the frame. A clock that jumps back (a looped file, a reconnect) counts as no time passing.
 */
export function step(state: TrackerState, detections: SeenDetections, timeSeconds: number): TrackedFrame {
  if (!Number.isFinite(timeSeconds))
    throw new RangeError(`tracker: media time must be a number of seconds, got ${timeSeconds}`);
  const { options, space } = state;
  const isFirstFrame = state.timeSeconds === null;
  const dtSeconds = Math.max(0, timeSeconds - (state.timeSeconds ?? timeSeconds));
  state.timeSeconds = timeSeconds;
  for (const track of state.tracks) advanceTrack(track, dtSeconds, options);
  const endedIds = retire(state);

  const count = Math.min(detections.count, options.maxDetections);
  const strong = rowsBetween(detections.scores, count, options.highScore, Infinity);
  const weak = rowsBetween(detections.scores, count, options.lowScore, options.highScore);
  const wasSeen = (track: Track) => track.unseenSeconds <= dtSeconds;

  let open = state.tracks.filter((track) => track.id > 0);
  let spare = strong;
  const join = (tracks: Track[], rows: number[], limit: number): number[] => {
    associate(space, tracks, detections, rows, limit, options);
    for (let i = 0; i < tracks.length; i++) {
      const column = space.columnOfRow[i]!;
      if (column >= 0) matchTrack(tracks[i]!, detections, rows[column]!, options);
    }
    return rows.filter((_, j) => space.rowOfColumn[j] === -1);
  };
  spare = join(open, spare, options.maxCost);
  open = open.filter((track) => track.detection < 0);
  join(open.filter(wasSeen), weak, options.maxWeakCost);
  spare = join(
    state.tracks.filter((track) => track.id === 0),
    spare,
    options.maxTentativeCost,
  );

  const tracks: TrackedBox[] = [];
  spawn(state, detections, spare);
  for (const track of state.tracks) {
    const isReady = track.hits >= options.confirmHits || track.score >= options.instantScore || isFirstFrame;
    const started = track.id === 0 && track.detection >= 0 && isReady;
    if (started) track.id = ++state.lastId;
    if (track.id > 0) tracks.push(report(track, detections, started));
  }
  return { tracks, endedIds };
}

/** Drops tracks that were unseen for too long and returns the ids of those that were reported. */
function retire(state: TrackerState): number[] {
  const { options } = state;
  const endedIds: number[] = [];
  state.tracks = state.tracks.filter((track) => {
    const patience = track.id > 0 ? options.maxUnseenSeconds : options.maxTentativeUnseenSeconds;
    if (track.unseenSeconds <= patience) return true;
    if (track.id > 0) endedIds.push(track.id);
    return false;
  });
  return endedIds;
}

function spawn(state: TrackerState, detections: SeenDetections, rows: number[]): void {
  const width =
    detections.appearance === undefined ? 0 : Math.floor(detections.appearance.length / detections.count);
  for (const row of rows) {
    if (detections.scores[row]! < state.options.birthScore) continue;
    if (state.tracks.length >= state.options.maxTracks) return;
    state.tracks.push(startTrack(detections, row, width, state.options));
  }
}

function rowsBetween(scores: Float32Array, count: number, from: number, below: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < count; row++) if (scores[row]! >= from && scores[row]! < below) rows.push(row);
  return rows;
}

function report(track: Track, detections: SeenDetections, started: boolean): TrackedBox {
  const boxes = track.detection >= 0 ? detections.boxes : track.predicted;
  const at = Math.max(track.detection, 0) * 4;
  return {
    id: track.id,
    box: [boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!],
    score: track.score,
    ageSeconds: track.ageSeconds,
    unseenSeconds: track.unseenSeconds,
    detection: track.detection,
    started,
    lost: track.detection < 0,
  };
}
