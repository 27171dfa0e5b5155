// The events that stages exchange: their types and payloads. Every stage, the host's binding and the tests read this list.

/** Event types, versioned in the name: a change that breaks a consumer gets a new version. */
export const eventTypes = {
  image: 'io.sedna.multiedge.image.v1',
  frame: 'io.sedna.multiedge.frame.v1',
  stream: 'io.sedna.multiedge.stream.v1',
  tracks: 'io.sedna.multiedge.tracks.v1',
  tracklets: 'io.sedna.multiedge.tracklets.v1',
  identities: 'io.sedna.multiedge.identities.v1',
  report: 'io.sedna.multiedge.report.v1',
} as const;

export type EventName = keyof typeof eventTypes;
export type EventType = (typeof eventTypes)[EventName];

/**
 * A CloudEvent whose `data` is already decoded. In one process it is handed over as it is; between processes
 * the host's binding encodes `data` by `type`. Attributes are the CloudEvents 1.0 ones plus three extensions.
 */
export interface StageEvent<T = unknown> {
  /** Unique within `source`. Derived from the input's id, so that a replay gives the same id. */
  id: string;
  /** `/namespaces/<namespace>/multiedgeinferences/<task>/<stage>/<camera or worker>` */
  source: string;
  type: string;
  /** RFC 3339; for media events the media time. */
  time?: string;
  subject?: string;
  /** Events with the same key are delivered in order: the camera id for media events. */
  partitionkey?: string;
  traceparent?: string;
  data: T;
}

/** A picture that a camera pushed: CloudEvent with an image as its body (subject: the camera), or a plain POST. */
export interface ImageData {
  camera: string;
  /** Media time in seconds since the epoch; absent: the time of arrival. */
  time?: number;
  /** image/jpeg, image/png or image/webp; checked against the bytes. */
  contentType: string;
  bytes: Uint8Array;
}

/** One decoded picture. Times are media times in seconds since the Unix epoch. */
export interface FrameData {
  camera: string;
  /** 1-based, counts every frame the source delivered, so that gaps show dropped or skipped frames. */
  sequence: number;
  time: number;
  width: number;
  height: number;
  /** RGB, height x width x 3 bytes, row-major; mask zones already blanked. */
  pixels: Uint8Array;
  /** The first event of a recording that is read from its start. */
  begins?: boolean;
}

/** A camera's stream changed state; `ended` follows its last frame (files) and flushes what is held downstream. */
export interface StreamData {
  camera: string;
  state: 'ended';
  time: number;
  /** Names the tracker session that ended, once detect has passed it on. */
  session?: string;
  /** The first event of a recording: no frame came before it. */
  begins?: boolean;
}

/** Names a tracker's session by the media time of its first frame, so that a replay gives the same names. */
export function sessionAt(time: number): string {
  return Math.round(time * 1000).toString(36);
}

/** A person cut out of a frame: the only pixels that leave detect, and never the node unless egress allows it. */
export interface Crop {
  track: number;
  /** 0..1: confidence, completeness, size. */
  quality: number;
  time: number;
  width: number;
  height: number;
  /** RGB, height x width x 3 bytes. */
  pixels: Uint8Array;
}

/** What one camera's tracker says about one frame. Arrays are parallel: row i is one confirmed track. */
export interface TracksData {
  camera: string;
  /** Track ids are unique within a session; a session begins when the camera's tracker (re)starts. */
  session: string;
  sequence: number;
  time: number;
  width: number;
  height: number;
  /** n */
  ids: Uint32Array;
  /** n x 4: x1 y1 x2 y2, pixels of the frame */
  boxes: Float32Array;
  /** n, 0..1 */
  scores: Float32Array;
  /** Tracks that ended with this frame: they get no more boxes. */
  ended: Uint32Array;
  crops: Crop[];
}

/** One appearance vector of a track: `vector[i] * scale` is the i-th component of a unit vector. */
export interface Prototype {
  /** A later prototype with the same slot replaces it. 0 <= slot < 8. */
  slot: number;
  vector: Int8Array;
  scale: number;
  quality: number;
  time: number;
  /** How many crops it averages. */
  weight: number;
}

/** What is new about one track since its last revision. */
export interface Tracklet {
  /** `<session>.<track id>`: unique within the camera, for ever. */
  track: string;
  phase: 'start' | 'update' | 'end';
  /** 1, 2, ...: receivers ignore revisions they have seen. */
  revision: number;
  /** First and last time the track was seen so far, seconds since the epoch. */
  from: number;
  to: number;
  /** Frames in which it was seen so far. */
  observations: number;
  /**
   * n x 5, Float32: seconds after `from`, foot x, foot y (bottom centre), width, height; the last four as fractions
   * of the image. New points since the last revision, at most one a second.
   */
  path: Float32Array;
  /** New or changed since the last revision. */
  prototypes: Prototype[];
}

/** The event that crosses from edge to cloud: tracklets of one camera. No pixels. */
export interface TrackletsData {
  camera: string;
  /** sha256 of the embedder's file: vectors of different models are never compared. */
  model: string;
  /** Length of every vector. */
  dimensions: number;
  image: { width: number; height: number };
  tracklets: Tracklet[];
}

/** Why and how surely the matcher decided: shown to people. */
export interface Evidence {
  /** Similarity to the chosen identity, -1..1; null when nothing was comparable. */
  score: number | null;
  /** Distance to the runner-up; null when there was none. */
  margin: number | null;
  /** One sentence. */
  reason: string;
}

export type IdentityChange =
  | ({
      kind: 'assigned';
      identity: string;
      camera: string;
      track: string;
      time: number;
      isNew: boolean;
    } & Evidence)
  | ({ kind: 'merged'; identity: string; from: string; time: number } & Evidence)
  | ({
      kind: 'split';
      identity: string;
      to: string;
      tracks: { camera: string; track: string }[];
      time: number;
    } & Evidence)
  | ({
      kind: 'sighted';
      target: string;
      identity: string;
      camera: string;
      track: string;
      time: number;
    } & Evidence)
  | ContactChange
  | ErasedChange;

/** A person was erased: whoever keeps results removes theirs. */
export interface ErasedChange {
  kind: 'erased';
  identity: string;
  /** Names that the person had before. */
  names: string[];
  tracks: { camera: string; track: string }[];
  /** When, seconds since the epoch. */
  time: number;
}

/** Two people came close; told again, with the same `from`, while it grows. */
export interface ContactChange {
  kind: 'contact';
  /** The two as they are known now; merges and splits apply to them later as to all else. */
  identity: string;
  other: string;
  tracks: [{ camera: string; track: string }, { camera: string; track: string }];
  /** Seconds since the epoch. */
  from: number;
  to: number;
  /** Media time of the newest moment of it: `to`. */
  time: number;
  /** Time in contact, seconds. */
  exposureS: number;
  /** Least distance and its standard deviation, metres; null where pictures are not calibrated (Ellipse). */
  distanceM: number | null;
  deviationM: number | null;
}

export interface IdentitiesData {
  task: string;
  namespace: string;
  changes: IdentityChange[];
}

export interface CameraReport {
  camera: string;
  state: 'connecting' | 'connected' | 'reconnecting' | 'failed' | 'ended';
  /** Frames a second over the last reports, as the worker handles them. */
  fps: number;
  /** Frames handed on so far. */
  frames: number;
  /** Frames dropped because a newer one was there (live sources only). */
  dropped: number;
  /** How much of the source is done, 0..1, where its length is known. */
  progress?: number;
  /** People tracked now. */
  people?: number;
  /** Why it is not connected, in words. */
  message?: string;
}

/** What a stage of a worker says about its state; the newest `sequence` counts. */
export interface ReportData {
  task: string;
  namespace: string;
  node: string;
  worker: string;
  stage: string;
  sequence: number;
  time: number;
  phase: 'Starting' | 'Running' | 'Completed' | 'Failed';
  message?: string;
  cameras: CameraReport[];
  /** Monotonic counters and gauges by name, e.g. `identities`, `tracklets`. */
  figures: Record<string, number>;
  output?: { taskInfo?: TaskInfo; site?: SiteInfo };
}

/** What matching learned about a site, bounded: at most 8 models, 64 ways and 16 problems. */
export interface SiteInfo {
  /** Similarities from which two tracks are thought to be one person. */
  calibration: {
    /** Digest of the embedder. */
    model: string;
    /** In force. */
    threshold: number;
    /** As the catalogue or the task says, in the same scale. */
    given: number;
    /** Pairs known to be different people and one person. */
    differentPairs: number;
    samePairs: number;
  }[];
  /** Most travelled first. */
  ways: {
    from: string;
    to: string;
    people: number;
    /** Of those who left `from`, 0..1; absent from workers of earlier versions, as `wayFloor`. */
    share?: number;
    /** Seconds within which a tenth, half and nine tenths arrive. */
    quickS: number;
    usualS: number;
    slowS: number;
  }[];
  /** What ways keep that nobody went, as a share of what is usual on any site, 0..1. */
  wayFloor?: number;
  /** What is wrong, a sentence each. */
  problems: string[];
}

/** Sedna's summary of a task; `findUnknownObject` and its times as the proposal defines them. */
export interface TaskInfo {
  trackingObjectNumber: number;
  findUnknownObject: boolean;
  startTime: string;
  currentTime: string;
}
