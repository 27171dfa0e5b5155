// What the console's server tells the browser: router.ts answers with these shapes, console/ shows them.
import type { Status } from '../../config/schema/status.ts';
import type { IdentityChange } from '../../config/events.ts';

export type Role = 'view' | 'operate';

/** Whoever asks; without a token file everybody on this machine is an operator. */
export interface SessionView {
  needsToken: boolean;
  /** Absent: not signed in. */
  name?: string;
  role?: Role;
}

/** Times in seconds since the epoch. */
export interface CameraView {
  id: string;
  /** File, RTSP, HTTP or Push. */
  source: string;
  node?: string;
  state: 'connecting' | 'connected' | 'reconnecting' | 'failed' | 'ended';
  fps?: number;
  people?: number;
  dropped?: number;
  progress?: number;
  message?: string;
  /** Pixels; absent while nobody was seen. */
  width?: number;
  height?: number;
  /** Number that changes with the picture; absent: there is none here, or none may be shown. */
  picture?: number;
  /** Media time at which the recording begins that can be shown under the boxes. */
  recordingFrom?: number;
  /** Whether parts of the picture are blanked for privacy. */
  masked: boolean;
}

export interface WayView {
  from: string;
  to: string;
  /** Allowed by the task, seconds. */
  allowed?: { minS: number; maxS: number };
  /**
   * Learned from those who surely went: how many, which share of those who left the camera, and the seconds that a tenth, half and
   * nine tenths of them took at most.
   */
  seen?: { people: number; share?: number; quickS: number; usualS: number; slowS: number };
}

/** What the task sends to the cloud, against what its video would take. Bytes. */
export interface TrafficView {
  sentBytes: number;
  /** Whether it was counted, or computed from the time that people were visible. */
  isCounted: boolean;
  videoBytes: number;
  /** Where the size of the video comes from: the recordings themselves, or a usual bit rate. */
  videoFrom: 'recordings' | 'rate';
}

export interface TaskView {
  name: string;
  namespace: string;
  /** Whether it runs on this machine, with pictures, or in a cluster, without. */
  place: 'local' | 'cluster';
  status: Status;
  cameras: CameraView[];
  overlaps: [string, string][];
  ways: WayView[];
  /** What ways keep that nobody went, as a share of what is usual on any site; absent while nothing was learned. */
  wayFloor?: number;
  mode: 'SingleObject' | 'MultiObject';
  targets: string[];
  contacts?: { method: 'GroundPlane' | 'Ellipse'; distanceM?: number; minimumS: number };
  models: { stage: string; name: string }[];
  retentionS?: number;
  traffic?: TrafficView;
  /** What an operator may do here. */
  operations: ('stop' | 'erase')[];
  /** Whether people can be searched by picture here. */
  pictureSearch: boolean;
}

export interface TrackView {
  camera: string;
  track: string;
  from: number;
  to: number;
  observations: number;
  score: number | null;
  margin: number | null;
  reason: string | null;
}

export interface IdentityView {
  identity: string;
  /** 1, 2, ... in the order of first appearance. */
  number: number;
  /** Name of the target that it was recognised as. */
  target?: string;
  firstSeen: number;
  lastSeen: number;
  tracks: TrackView[];
}

export interface IdentitiesView {
  identities: IdentityView[];
  /** There are more, older ones. */
  truncated: boolean;
}

export interface ContactView {
  identities: [string, string];
  exposureS: number;
  times: { from: number; to: number; exposureS: number; distanceM: number | null }[];
}

/** Boxes of one track; the arrays are parallel. Fractions of the picture, seconds since the epoch. */
export interface MotionView {
  camera: string;
  track: string;
  times: number[];
  /** left, top, width, height of each time, one after the other. */
  boxes: number[];
}

/** One thing that match announced, with its place in the order of all of them. */
export interface ChangeView {
  sequence: number;
  changes: IdentityChange[];
}

export interface FoundView {
  camera: string;
  track: string;
  identity: string | null;
  from: number;
  to: number;
  similarity: number;
}
