// What tracker.ts remembers of one camera: made once, changed in place, of a size that its options bound.
import { createAssignmentSpace, type AssignmentSpace } from './assignment.ts';
import { createChoice, type Choice } from './association.ts';
import type { Track } from './track.ts';
import { defaultTrackerOptions, type TrackerOptions } from './trackerOptions.ts';

/** Everything one camera's tracker remembers; a value of its own, shared with no other camera. Changed in place by `step`. */
export interface TrackerState {
  options: TrackerOptions;
  space: AssignmentSpace;
  scratch: Scratch;
  /** Those that live, then those that ended, whose memory the next ones take. */
  readonly tracks: Track[];
  /** How many of `tracks` live. */
  live: number;
  lastId: number;
  /** Media time of the previous frame, seconds; null before the first. */
  timeSeconds: number | null;
}

/** Lists of one frame, made once so that frames allocate nothing but what they report. */
interface Scratch {
  readonly strong: Choice;
  readonly weak: Choice;
  readonly chosen: Choice;
}

export function createTracker(options: Partial<TrackerOptions> = {}): TrackerState {
  const settings = { ...defaultTrackerOptions, ...options };
  return {
    options: settings,
    space: createAssignmentSpace(settings.maxTracks, settings.maxDetectionsRead),
    scratch: createScratch(settings.maxTracks, settings.maxDetectionsRead),
    tracks: [],
    live: 0,
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
  const maxTracks = Math.max(options.maxTracks, maxRows);
  const maxDetections = Math.max(options.maxDetectionsRead, maxColumns);
  state.space = createAssignmentSpace(maxTracks, maxDetections);
  state.scratch = createScratch(maxTracks, maxDetections);
}

function createScratch(maxTracks: number, maxDetections: number): Scratch {
  return {
    strong: createChoice(maxDetections),
    weak: createChoice(maxDetections),
    chosen: createChoice(maxTracks),
  };
}
