// The detect handler calls `step` once a frame for each camera: boxes in, people with stable ids out. The two stages are
// ByteTrack's; overlap is taken after boxes grew by how unsure the motion model is, on a clock in seconds.
import { associate, type Choice } from './association.ts';
import { advanceTrack, matchTrack, reportTrack, startTrack, type Track } from './track.ts';
import type { TrackerOptions } from './trackerOptions.ts';
import type { TrackerState } from './trackerState.ts';
import type { SeenDetections, TrackedBox, TrackedFrame } from './detections.ts';

export { createTracker, retune, type TrackerState } from './trackerState.ts';

/** Whom it follows: nobody, only people whom the last frame showed, or also some who must be found again or confirmed. */
export function followedBy({ tracks, live }: TrackerState): 'none' | 'sure' | 'unsure' {
  for (let k = 0; k < live; k++) if (tracks[k]!.id === 0 || tracks[k]!.detection < 0) return 'unsure';
  return live === 0 ? 'none' : 'sure';
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
  for (let k = 0; k < state.live; k++) advanceTrack(state.tracks[k]!, dtSeconds, options);
  endTracks(state, endedIds, isForgotten);

  matchAll(state, detections);

  endTracks(state, endedIds, isDoubtful);
  spawn(state, endedIds, detections);
  const isSlow = dtSeconds >= options.slowFrameSeconds;
  const tracks: TrackedBox[] = [];
  for (let k = 0; k < state.live; k++) {
    const track = state.tracks[k]!;
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
function matchAll(state: TrackerState, detections: SeenDetections): void {
  const { options, scratch } = state;
  const { strong, weak } = scratch;
  chooseRows(strong, detections, options.highScore, Infinity, options);
  chooseRows(weak, detections, options.lowScore, options.highScore, options);
  match(state, isReported, detections, strong, options.maxCost);
  match(state, isVisible, detections, weak, options.maxWeakCost);
  match(state, isTentative, detections, strong, options.maxTentativeCost);
}

/** Joins what fits and leaves in `rows` those that are left. */
function match(
  { space, scratch, options, tracks, live }: TrackerState,
  isMeant: TrackTest,
  detections: SeenDetections,
  rows: Choice,
  limit: number,
): void {
  const { chosen } = scratch;
  chosen.count = 0;
  for (let k = 0; k < live; k++) if (isMeant(tracks[k]!, options)) chosen.indices[chosen.count++] = k;
  if (chosen.count === 0 || rows.count === 0) return;
  associate(space, tracks, chosen, detections, rows, limit, options);
  for (let i = 0; i < chosen.count; i++) {
    const column = space.columnOfRow[i]!;
    if (column >= 0) matchTrack(tracks[chosen.indices[i]!]!, detections, rows.indices[column]!, options);
  }
  let left = 0;
  for (let j = 0; j < rows.count; j++)
    if (space.rowOfColumn[j] === -1) rows.indices[left++] = rows.indices[j]!;
  rows.count = left;
}

type TrackTest = (track: Track, options: TrackerOptions) => boolean;

const isReported: TrackTest = (track) => track.id > 0;
const isTentative: TrackTest = (track) => track.id === 0;
const isVisible: TrackTest = (track, { maxWeakSeconds }) =>
  track.id > 0 && track.detection < 0 && track.missedSeconds === 0 && track.weakSeconds <= maxWeakSeconds;
const isForgotten: TrackTest = (track, { maxUnseenSeconds }) => track.unseenSeconds > maxUnseenSeconds;
const isDoubtful: TrackTest = (track) => track.detection < 0 && track.id === 0;

/** Puts what is over behind the living, who keep their order. */
function endTracks(state: TrackerState, endedIds: number[], isOver: TrackTest): void {
  const { tracks, options } = state;
  let kept = 0;
  for (let k = 0; k < state.live; k++) {
    const track = tracks[k]!;
    if (isOver(track, options)) {
      if (track.id > 0) endedIds.push(track.id);
    } else {
      tracks[k] = tracks[kept]!;
      tracks[kept++] = track;
    }
  }
  state.live = kept;
}

function spawn(state: TrackerState, endedIds: number[], detections: SeenDetections): void {
  const { options, tracks } = state;
  const { strong } = state.scratch;
  for (let j = 0; j < strong.count; j++) {
    const row = strong.indices[j]!;
    if (detections.scores[row]! < options.birthScore) continue;
    if (state.live >= options.maxTracks && !forgetLongestUnseen(state, endedIds)) return;
    const place = state.live++;
    tracks[place] = startTrack(detections, row, options, tracks[place]);
  }
}

function forgetLongestUnseen(state: TrackerState, endedIds: number[]): boolean {
  let longest: Track | undefined;
  for (let k = 0; k < state.live; k++) {
    const track = state.tracks[k]!;
    if (track.detection < 0 && track.unseenSeconds > (longest?.unseenSeconds ?? -1)) longest = track;
  }
  if (longest !== undefined) endTracks(state, endedIds, (track) => track === longest);
  return longest !== undefined;
}

function chooseRows(
  rows: Choice,
  { scores, count }: SeenDetections,
  from: number,
  below: number,
  { maxDetectionsRead }: TrackerOptions,
): void {
  rows.count = 0;
  const read = Math.min(count, maxDetectionsRead);
  for (let row = 0; row < read; row++)
    if (scores[row]! >= from && scores[row]! < below) rows.indices[rows.count++] = row;
}
