// The detect handler calls `step` once a frame for each camera: boxes in, people with stable ids out. The two stages are
// ByteTrack's; overlap is taken after boxes grew by how unsure the motion model is, on a clock in seconds.
import { createAssignmentSpace, type AssignmentSpace } from './assignment.ts';
import { associate } from './association.ts';
import { advanceTrack, matchTrack, reportTrack, startTrack, type Track } from './track.ts';
import { defaultTrackerOptions, type TrackerOptions } from './trackerOptions.ts';
import type { SeenDetections, TrackedBox, TrackedFrame } from './detections.ts';

/** Everything one camera's tracker remembers; a value of its own, shared with no other camera. Changed in place by `step`. */
export interface TrackerState {
  options: TrackerOptions;
  space: AssignmentSpace;
  tracks: Track[];
  lastId: number;
  /** Media time of the previous frame, seconds; null before the first. */
  timeSeconds: number | null;
}

export function createTracker(options: Partial<TrackerOptions> = {}): TrackerState {
  const settings = { ...defaultTrackerOptions, ...options };
  return {
    options: settings,
    space: createAssignmentSpace(settings.maxTracks, settings.maxDetectionsRead),
    tracks: [],
    lastId: 0,
    timeSeconds: null,
  };
}

/** Other options from the next frame on; people who are followed keep their ids. */
export function retune(state: TrackerState, options: TrackerOptions): void {
  const { maxRows, maxColumns } = state.space;
  state.options = options;
  if (options.maxTracks <= maxRows && options.maxDetectionsRead <= maxColumns) return;
  // Never smaller: there may be more tracks now than there may be later.
  const { maxTracks, maxDetectionsRead } = options;
  state.space = createAssignmentSpace(Math.max(maxTracks, maxRows), Math.max(maxDetectionsRead, maxColumns));
}

/**
 * Advances the tracker by one frame. Call it once for every frame, also when nothing was detected.
 * @param detections strongest first; image pixels
 * @param timeSeconds media time of the frame. A clock that jumps back (a looped file, a reconnect) counts as no time passing.
 * @throws RangeError when the time is not a finite number
 */
export function step(state: TrackerState, detections: SeenDetections, timeSeconds: number): TrackedFrame {
  const { options } = state;
  const isFirstFrame = state.timeSeconds === null;
  const dtSeconds = advanceClock(state, timeSeconds);
  const endedIds: number[] = [];
  for (const track of state.tracks) advanceTrack(track, dtSeconds, options);
  endTracks(state, endedIds, (track) => track.unseenSeconds > options.maxUnseenSeconds);

  const unclaimed = matchAll(state, detections);

  endTracks(state, endedIds, (track) => track.detection < 0 && track.id === 0);
  spawn(state, endedIds, detections, unclaimed);
  const isSlow = dtSeconds >= options.slowFrameSeconds;
  const tracks: TrackedBox[] = [];
  for (const track of state.tracks) {
    const isSure = isFirstFrame || track.hits >= options.confirmHits;
    const started =
      track.id === 0 && track.detection >= 0 && (isSure || (isSlow && track.score >= options.instantScore));
    if (started) track.id = ++state.lastId;
    if (track.id > 0) tracks.push(reportTrack(track, detections, started));
  }
  return { tracks, endedIds };
}

function advanceClock(state: TrackerState, timeSeconds: number): number {
  if (!Number.isFinite(timeSeconds)) {
    throw new RangeError(`tracker: media time must be a finite number of seconds, got ${timeSeconds}`);
  }
  const dtSeconds = Math.max(0, timeSeconds - (state.timeSeconds ?? timeSeconds));
  state.timeSeconds = timeSeconds;
  return dtSeconds;
}

/** Strong detections to all reported tracks, weak ones to the visible rest, then strong ones to tracks not reported yet. */
function matchAll(state: TrackerState, detections: SeenDetections): number[] {
  const { options, tracks } = state;
  const count = Math.min(detections.count, options.maxDetectionsRead);
  const strong = rowsBetween(detections.scores, count, options.highScore, Infinity);
  const weak = rowsBetween(detections.scores, count, options.lowScore, options.highScore);
  const reported = tracks.filter((track) => track.id > 0);
  const tentative = tracks.filter((track) => track.id === 0);

  const spare = match(state, reported, detections, strong, options.maxCost);
  const visible = reported.filter(
    (track) =>
      track.detection < 0 && track.missedSeconds === 0 && track.weakSeconds <= options.maxWeakSeconds,
  );
  match(state, visible, detections, weak, options.maxWeakCost);
  return match(state, tentative, detections, spare, options.maxTentativeCost);
}

/** Joins what fits and returns the rows that are left. */
function match(
  { space, options }: TrackerState,
  tracks: readonly Track[],
  detections: SeenDetections,
  rows: number[],
  limit: number,
): number[] {
  if (tracks.length === 0 || rows.length === 0) return rows;
  associate(space, tracks, detections, rows, limit, options);
  tracks.forEach((track, i) => {
    const column = space.columnOfRow[i]!;
    if (column >= 0) matchTrack(track, detections, rows[column]!, options);
  });
  return rows.filter((_, j) => space.rowOfColumn[j] === -1);
}

function endTracks(state: TrackerState, endedIds: number[], isOver: (track: Track) => boolean): void {
  state.tracks = state.tracks.filter((track) => {
    if (!isOver(track)) return true;
    if (track.id > 0) endedIds.push(track.id);
    return false;
  });
}

function spawn(
  state: TrackerState,
  endedIds: number[],
  detections: SeenDetections,
  rows: readonly number[],
): void {
  for (const row of rows) {
    if (detections.scores[row]! < state.options.birthScore) continue;
    if (state.tracks.length >= state.options.maxTracks && !forgetLongestUnseen(state, endedIds)) return;
    state.tracks.push(startTrack(detections, row, state.options));
  }
}

function forgetLongestUnseen(state: TrackerState, endedIds: number[]): boolean {
  let longest: Track | undefined;
  for (const track of state.tracks) {
    if (track.detection < 0 && track.unseenSeconds > (longest?.unseenSeconds ?? -1)) longest = track;
  }
  if (longest !== undefined) endTracks(state, endedIds, (track) => track === longest);
  return longest !== undefined;
}

function rowsBetween(scores: Float32Array, count: number, from: number, below: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < count; row++) if (scores[row]! >= from && scores[row]! < below) rows.push(row);
  return rows;
}
