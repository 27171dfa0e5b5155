// What the matcher remembers of one track, or of one identity whose old tracks were condensed. Shared by all of core.
import type { GroundPath } from './groundPath.ts';

/** A place in a camera's image; lengths in image heights, so that both axes have one unit. */
export interface Place {
  /** Seconds since the epoch. */
  time: number;
  x: number;
  y: number;
  /** Height of the person. */
  height: number;
  /** Image heights a second. */
  velocityX: number;
  velocityY: number;
}

/** One uninterrupted stay of a person in one camera's view. */
export interface Stay {
  camera: string;
  /** Seconds since the epoch. */
  from: number;
  to: number;
  /** Whether the tracker may still see the person. */
  open: boolean;
  entry: Place | undefined;
  exit: Place | undefined;
  /** Where the person walked on the ground; only of cameras with a homography. */
  ground?: GroundPath;
}

/** One appearance vector as it travelled; only its direction counts. */
export interface Appearance {
  camera: string;
  vector: Int8Array;
  /** 0..1 */
  quality: number;
  /** How many crops it averages. */
  weight: number;
  time: number;
}

export interface Trace {
  /** The track it began with: it names the identity when it is the earliest one. */
  camera: string;
  track: string;
  from: number;
  /** Digest of the embedder: traces of different models are never compared. */
  model: string;
  /** Sorted by time. One for a track; several for a condensed identity. */
  stays: Stay[];
  /** By slot of the embedder for a track. */
  appearances: (Appearance | undefined)[];
  /** Newest time of any stay. */
  to: number;
  /** How many tracks it stands for. */
  tracks: number;
  /** Only for tracks: what is known of their growth. */
  revision: number;
  observations: number;
  /** The identity announced for it. */
  identity: string | undefined;
  /** Revisions in a row that led to one decision, and that decision. */
  votes: number;
  votedFor: string | undefined;
  /** A revision came since the last vote. */
  news: boolean;
  /** Vectors or stays changed since similarities were computed. */
  dirty: boolean;
}

/** Unique for ever; also the order of the names of cameras and tracks. */
export function traceKey(camera: string, track: string): string {
  return `${camera}/${track}`;
}

/** The tracker's life that a track belongs to: tracks are named `<session>.<number>`. */
export function sessionOf(track: string): string {
  return track.slice(0, Math.max(0, track.lastIndexOf('.')));
}

/** Total order that no arrival order can change: first seen first. */
export function byFirstSeen(a: Trace, b: Trace): number {
  if (a.from !== b.from) return a.from - b.from;
  if (a.camera !== b.camera) return a.camera < b.camera ? -1 : 1;
  if (a.track !== b.track) return a.track < b.track ? -1 : 1;
  return 0;
}

export function isOpen(trace: Pick<Trace, 'stays'>): boolean {
  return trace.stays[trace.stays.length - 1]!.open;
}

/** Adds `factor` times the unit vector of `vector` to `sum`; zeros add nothing. */
export function addUnit(sum: Float64Array | Float32Array, vector: Int8Array, factor: number): void {
  let square = 0;
  for (const value of vector) square += value * value;
  const scale = square === 0 ? 0 : factor / Math.sqrt(square);
  for (let i = 0; i < vector.length; i++) sum[i]! += vector[i]! * scale;
}
