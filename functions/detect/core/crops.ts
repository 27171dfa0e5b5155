// Called by the detect handler after the tracker: names the few detections of a frame whose pixels are worth an embedding.
import { area, intersection } from './boxes.ts';
import type { ImageSize, TrackedBox, TrackedFrame } from './detections.ts';

export interface CropOptions {
  /** Most crops over the life of a track; 0 for none. */
  readonly maxCropsPerTrack: number;
  /** Detections below this probability are never cropped. */
  readonly minScore: number;
  /** Crops below this quality (0 to 1) are never taken. */
  readonly minQuality: number;
  /** A first crop of this quality is taken at once; a poorer one only after `firstWaitSeconds`. */
  readonly goodQuality: number;
  /** How long to wait for a good first crop, seconds of track age. */
  readonly firstWaitSeconds: number;
  /** Seconds from the first to the second crop; each later gap is twice the one before, so that few crops span a long track. */
  readonly intervalSeconds: number;
  /** Least seconds between two crops of a track, however good or different the next one is. */
  readonly minIntervalSeconds: number;
  /** A crop this many times as good as the best so far is taken early. */
  readonly betterBy: number;
  /** A crop is taken early once the person moved this many body heights, times the crops taken, since the last one. */
  readonly movedHeights: number;
  /** Height in pixels from which on a person counts as tall enough. */
  readonly fullHeight: number;
  /** Pixels from the border within which a box counts as cut. */
  readonly borderPixels: number;
  /** Most tracks remembered; beyond it the one whose last crop is oldest is forgotten. */
  readonly maxRememberedTracks: number;
}

export const defaultCropOptions: CropOptions = {
  maxCropsPerTrack: 6,
  minScore: 0.5,
  minQuality: 0.2,
  goodQuality: 0.5,
  firstWaitSeconds: 0.6,
  intervalSeconds: 1,
  minIntervalSeconds: 0.5,
  betterBy: 1.3,
  movedHeights: 1.5,
  fullHeight: 96,
  borderPixels: 3,
  maxRememberedTracks: 512,
};

interface CropHistory {
  taken: number;
  lastTakenSeconds: number;
  bestQuality: number;
  /** Foot point of the last crop, pixels. */
  footX: number;
  footY: number;
}

/** What crop choice remembers about one camera's tracks. Changed in place by `chooseCrops`. */
export interface CropState {
  options: CropOptions;
  readonly histories: Map<number, CropHistory>;
}

/** Crops of one frame, parallel arrays. */
export interface ChosenCrops {
  readonly trackIds: number[];
  /** Rows of the frame's detections. */
  readonly detections: number[];
  /** 0 to 1. */
  readonly qualities: number[];
}

export function createCropState(options: Partial<CropOptions> = {}): CropState {
  return { options: { ...defaultCropOptions, ...options }, histories: new Map() };
}

/** Chooses at most one crop per track of this frame. Call it for every frame, so that ended tracks are forgotten. */
export function chooseCrops(
  state: CropState,
  frame: TrackedFrame,
  timeSeconds: number,
  image: ImageSize,
): ChosenCrops {
  const { options, histories } = state;
  const chosen: ChosenCrops = { trackIds: [], detections: [], qualities: [] };
  for (const id of frame.endedIds) histories.delete(id);
  frame.tracks.forEach((track, index) => {
    if (track.lost || track.score < options.minScore) return;
    const quality = cropQuality(frame.tracks, index, image, options);
    const history = histories.get(track.id);
    if (!isWorthTaking(track, quality, history, timeSeconds, options)) return;
    remember(state, track, quality, history, timeSeconds);
    chosen.trackIds.push(track.id);
    chosen.detections.push(track.detection);
    chosen.qualities.push(quality);
  });
  return chosen;
}

/** How much a box tells about a person, 0 to 1: confident, whole, uncovered by others, tall enough. */
export function cropQuality(
  tracks: readonly TrackedBox[],
  index: number,
  image: ImageSize,
  options: CropOptions,
): number {
  const { box, score } = tracks[index]!;
  const height = box[3] - box[1];
  const own = area(box, 0);
  if (!(own > 0)) return 0;
  let covered = 0;
  tracks.forEach((other, k) => {
    if (k === index || other.lost) return;
    const share = intersection(box, 0, other.box, 0) / own;
    const isInFront = other.box[3] > box[3];
    covered = Math.max(covered, isInFront ? share : share / 2);
  });
  return (
    score *
    Math.min(1, height / options.fullHeight) *
    (1 - covered) *
    wholeness(box, image, options.borderPixels)
  );
}

function wholeness(box: TrackedBox['box'], image: ImageSize, margin: number): number {
  const cutSide = box[0] <= margin || box[2] >= image.width - margin;
  const cutTop = box[1] <= margin;
  const cutFeet = box[3] >= image.height - margin;
  return (cutSide ? 0.4 : 1) * (cutTop ? 0.5 : 1) * (cutFeet ? 0.7 : 1);
}

function isWorthTaking(
  track: TrackedBox,
  quality: number,
  history: CropHistory | undefined,
  timeSeconds: number,
  options: CropOptions,
): boolean {
  if (quality < options.minQuality || options.maxCropsPerTrack < 1) return false;
  if (history === undefined)
    return quality >= options.goodQuality || track.ageSeconds >= options.firstWaitSeconds;
  if (history.taken >= options.maxCropsPerTrack) return false;
  const elapsed = Math.abs(timeSeconds - history.lastTakenSeconds);
  if (elapsed < options.minIntervalSeconds) return false;
  if (quality >= options.betterBy * history.bestQuality) return true;
  const isSound = quality >= 0.7 * history.bestQuality;
  return (
    isSound &&
    (elapsed >= options.intervalSeconds * 2 ** (history.taken - 1) || hasMoved(track, history, options))
  );
}

function hasMoved({ box }: TrackedBox, history: CropHistory, options: CropOptions): boolean {
  const x = (box[0] + box[2]) / 2 - history.footX;
  return Math.hypot(x, box[3] - history.footY) >= options.movedHeights * history.taken * (box[3] - box[1]);
}

function remember(
  state: CropState,
  track: TrackedBox,
  quality: number,
  history: CropHistory | undefined,
  timeSeconds: number,
): void {
  const { histories, options } = state;
  histories.delete(track.id);
  histories.set(track.id, {
    taken: (history?.taken ?? 0) + 1,
    lastTakenSeconds: timeSeconds,
    bestQuality: Math.max(quality, history?.bestQuality ?? 0),
    footX: (track.box[0] + track.box[2]) / 2,
    footY: track.box[3],
  });
  if (histories.size > options.maxRememberedTracks) histories.delete(histories.keys().next().value!);
}
