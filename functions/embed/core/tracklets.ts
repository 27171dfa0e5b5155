// From tracks to tracklets: gathers what is known of each track of one camera and says when a summary is due.
// Called by the embed handler once for each `tracks` event.
import type { Tracklet, TracksData } from '../../../config/events.ts';
import { addVector, isNews, takeNews, type PrototypeOptions, type Slot } from './prototypes.ts';
import { quantize } from '../../../config/quantize.ts';

export interface TrackletOptions {
  /** Most media seconds between two summaries of a track that changed. */
  intervalS: number;
  /** Media seconds between two points of a path. */
  pathStepS: number;
  /** Tracks that end with fewer observations and without a vector are not worth an event. */
  minObservations: number;
  /** Tracks held at once; the one unseen for longest is ended when there are more. */
  maxTracks: number;
  prototypes: PrototypeOptions;
}

export const defaultTrackletOptions: TrackletOptions = {
  intervalS: 5,
  pathStepS: 1,
  minObservations: 3,
  maxTracks: 2000,
  prototypes: { maxSlots: 4, joinSimilarity: 0.8, resendBelow: 0.97 },
};

interface TrackSummary {
  from: number;
  to: number;
  observations: number;
  revision: number;
  slots: Slot[];
  /** Points not yet sent, 5 numbers each. */
  points: number[];
  lastPointTime: number;
  lastPoint: [number, number, number, number, number] | undefined;
}

/** What embed remembers of one camera. */
export interface CameraTracklets {
  session: string;
  /** Oldest first. */
  tracks: Map<number, TrackSummary>;
  lastSentTime: number;
}

export function emptyCamera(session: string): CameraTracklets {
  return { session, tracks: new Map(), lastSentTime: -Infinity };
}

/**
 * Takes one frame's tracks and the vectors of its crops (crops x D), gives the tracklets that are due: `start` as soon
 * as a track has a vector, `update` at the interval, `end` once.
 */
export function observe(
  camera: CameraTracklets,
  frame: TracksData,
  vectors: Float32Array,
  dimensions: number,
  options: TrackletOptions,
): Tracklet[] {
  for (let i = 0; i < frame.ids.length; i++) observeBox(camera, frame, i, options);
  frame.crops.forEach((crop, i) => {
    const track = camera.tracks.get(crop.track);
    if (track) {
      addVector(
        track.slots,
        vectors,
        i * dimensions,
        dimensions,
        crop.quality,
        crop.time,
        options.prototypes,
      );
    }
  });
  const due: Tracklet[] = [];
  for (const id of frame.ended) push(due, endTrack(camera, id, options));
  while (camera.tracks.size > options.maxTracks) push(due, endTrack(camera, longestUnseen(camera), options));
  const interval = frame.time - camera.lastSentTime >= options.intervalS;
  for (const [id, track] of camera.tracks) {
    if (track.slots.length === 0) continue;
    if (track.revision === 0) due.push(summarize(camera.session, id, track, 'start', options));
    else if (interval && hasNews(track, options))
      due.push(summarize(camera.session, id, track, 'update', options));
  }
  if (interval) camera.lastSentTime = frame.time;
  return due;
}

/** Ends everything that is still open, oldest first: the stream ended or the tracker began a new session. */
export function endAll(camera: CameraTracklets, options: TrackletOptions): Tracklet[] {
  const due: Tracklet[] = [];
  for (const id of [...camera.tracks.keys()]) push(due, endTrack(camera, id, options));
  return due;
}

function push(due: Tracklet[], tracklet: Tracklet | undefined): void {
  if (tracklet) due.push(tracklet);
}

function observeBox(camera: CameraTracklets, frame: TracksData, row: number, options: TrackletOptions): void {
  const id = frame.ids[row]!;
  let track = camera.tracks.get(id);
  if (!track) {
    track = {
      from: frame.time,
      to: frame.time,
      observations: 0,
      revision: 0,
      slots: [],
      points: [],
      lastPointTime: -Infinity,
      lastPoint: undefined,
    };
    camera.tracks.set(id, track);
  }
  track.to = frame.time;
  track.observations += 1;
  const at = row * 4;
  const left = frame.boxes[at]! / frame.width;
  const right = frame.boxes[at + 2]! / frame.width;
  const top = frame.boxes[at + 1]! / frame.height;
  const bottom = frame.boxes[at + 3]! / frame.height;
  track.lastPoint = [frame.time - track.from, (left + right) / 2, bottom, right - left, bottom - top];
  if (frame.time - track.lastPointTime >= options.pathStepS) takePoint(track);
}

function takePoint(track: TrackSummary): void {
  if (!track.lastPoint || track.to === track.lastPointTime) return;
  track.points.push(...track.lastPoint);
  track.lastPointTime = track.to;
}

function longestUnseen(camera: CameraTracklets): number {
  let oldest = -1;
  let oldestTime = Infinity;
  for (const [id, track] of camera.tracks) {
    if (track.to < oldestTime) [oldest, oldestTime] = [id, track.to];
  }
  return oldest;
}

function hasNews(track: TrackSummary, options: TrackletOptions): boolean {
  return track.points.length > 0 || track.slots.some((slot) => isNews(slot, options.prototypes));
}

function endTrack(camera: CameraTracklets, id: number, options: TrackletOptions): Tracklet | undefined {
  const track = camera.tracks.get(id);
  camera.tracks.delete(id);
  if (!track || (track.slots.length === 0 && track.observations < options.minObservations)) return undefined;
  // Where a person leaves is evidence for where they appear next: the last point is always sent.
  takePoint(track);
  return summarize(camera.session, id, track, 'end', options);
}

function summarize(
  session: string,
  id: number,
  track: TrackSummary,
  phase: Tracklet['phase'],
  options: TrackletOptions,
): Tracklet {
  track.revision += 1;
  const prototypes: Tracklet['prototypes'] = [];
  track.slots.forEach((slot, index) => {
    const news = takeNews(slot, options.prototypes);
    if (!news) return;
    const { quality, time, weight } = slot;
    prototypes.push({ slot: index, ...quantize(news), quality: Math.fround(quality), time, weight });
  });
  const path = Float32Array.from(track.points);
  track.points = [];
  const { from, to, observations, revision } = track;
  return { track: `${session}.${id}`, phase, revision, from, to, observations, path, prototypes };
}
