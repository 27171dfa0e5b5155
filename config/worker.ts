// What a worker is told: controller/desired.ts writes it, functions/host reads it, the stages take their part of it.

export const stageNames = ['ingest', 'detect', 'embed', 'match', 'status'] as const;
export type StageName = (typeof stageNames)[number];

/** A camera as its worker sees it. Secrets are resolved by name in the environment, never stored here. */
export interface CameraConfig {
  id: string;
  source: {
    type: 'RTSP' | 'HTTP' | 'File' | 'Push';
    /** Absent for Push. A File is a path on the node. */
    uri?: string;
    /** Files: media time of the first frame, seconds since the epoch. */
    startTime?: number;
    /** Files: play at the pace of the media clock instead of as fast as possible. */
    realtime: boolean;
    /** Names of environment variables that hold user name and password. */
    usernameEnv?: string;
    passwordEnv?: string;
    transport: 'TCP' | 'UDP';
    /** https and rtsps; absent: verified in full against the public authorities. */
    tls?: {
      verification: 'Full' | 'None';
      /** Environment variable with the path of the certificates that count instead of the public authorities. */
      caFileEnv?: string;
      /** Name that the certificate must have; absent: the host of the address. */
      serverName?: string;
    };
    /** Push only. */
    push?: {
      /** Environment variable with the path of the camera's tokens, one a line. */
      tokenFileEnv?: string;
      /** More are refused. */
      picturesPerSecond: number;
      /** Senders that a webhook handshake admits; `*`: all. */
      origins: string[];
    };
  };
  /** At most so many frames a second are analysed; absent: all. */
  fps?: number;
  /** Image (pixels) to ground plane (metres), 3 x 3 row-major. */
  homography?: number[];
  /** Polygons blanked before anything else sees the frame; x y pairs as fractions of the image. */
  mask: { name: string; points: number[] }[];
}

/** A row of config/models.yaml, resolved. */
export interface ModelConfig {
  name: string;
  task: 'detect' | 'embed';
  /** Path, or http(s) URL. */
  uri: string;
  sha256: string;
  input: { width: number; height: number; resize: 'letterbox' | 'stretch' };
  /** Detectors: score above which a box starts tracks, IoU for suppression. */
  scoreThreshold?: number;
  nmsIou?: number;
  /** Embedders: vector length; cosine similarity above which two tracklets are the same person; needed lead over the next. */
  dimensions?: number;
  sameThreshold?: number;
  margin?: number;
}

export interface DetectOptions {
  /** Threads of the inference session. */
  threads: number;
  /** Free numbers of the stage's `params`, checked by the stage. */
  params: Record<string, number>;
}

export interface EmbedOptions {
  threads: number;
  /** A tracklet is sent at its start, then at most every so many media seconds, and at its end. */
  intervalS: number;
  params: Record<string, number>;
}

export interface MatchOptions {
  acrossCamera: boolean;
  /** SingleObject follows only the targets, MultiObject everybody. */
  mode: 'SingleObject' | 'MultiObject';
  /** Cosine similarity; absent: from the embedder's catalogue row. */
  threshold?: number;
  margin?: number;
  /** Tracklet revisions that must agree before an identity is announced. */
  votes: number;
  /** Below this similarity to every target a person counts as unknown (findUnknownObject). */
  unknownBelow?: number;
  /** Every pair of cameras that may see one person at one time. */
  overlaps: { cameras: [string, string] }[];
  /** Least and most seconds between leaving one camera and entering the other, either direction. */
  travel: { from: string; to: string; minS: number; maxS: number }[];
  targets: { name: string; images: string[] }[];
  /** Absent: contacts are not looked for. */
  contacts?: { method: 'GroundPlane' | 'Ellipse'; distanceM: number; minimumS: number };
  /** Events that arrive together share a transaction; absent: each has its own. */
  batching?: { maxEvents: number; maxWaitMs: number };
  /** Seconds results are kept; absent: for ever. */
  retentionS?: number;
  /** Seconds appearance vectors are kept; absent: as long as results. */
  vectorsS?: number;
  /** Free numbers of the stage's `params`, checked by the stage. */
  params: Record<string, number>;
}

export interface TimingOptions {
  mode: 'OnTheFly' | 'History' | 'Both';
  /** Media time, seconds since the epoch: nothing outside of it is analysed or told. */
  window?: { startS?: number; endS?: number };
}

export interface OutboxConfig {
  /** Of this worker alone; it has to outlive the process. */
  folder: string;
  /** Most bytes that wait for one camera. */
  maxBytes: number;
  /** What waits longer is dropped. */
  maxAgeS: number;
  /** The event types that go through it. */
  types: string[];
}

/** Events for workers in the cloud travel through a stream of NATS JetStream. */
export interface JetStreamConfig {
  /** nats:// or tls:// address of the server that this worker connects to. */
  url: string;
  /** Of the task, the same at the hub and on leaf nodes. */
  stream: string;
  /** First tokens of its subjects. */
  subjects: string;
  maxBytes: number;
  maxAgeS: number;
  /** Of the stream at the hub. */
  replicas: number;
  /** JetStream domain of the server, which is a leaf node; absent: it is the hub. */
  domain?: string;
  /** Domains of the leaf nodes whose streams the hub takes over; empty for workers that do not see to that. */
  leaves: string[];
  /** Name under which this worker takes events; absent: it only sends. */
  receiver?: string;
}

export interface WorkerConfig {
  task: { name: string; namespace: string; uid: string; generation: number };
  /** Unique name, DNS label. */
  worker: string;
  node: string;
  stages: StageName[];
  /** The cameras this worker serves; match and status get all of the task. */
  cameras: CameraConfig[];
  models: { detect?: ModelConfig; embed?: ModelConfig };
  detect: DetectOptions;
  embed: EmbedOptions;
  match: MatchOptions;
  /**
   * Where events go that no stage of this worker takes: event type -> URL; several, separated by spaces, of workers of one
   * group: one of them takes events while the others stand by. `nats:<receiver>`: through `jetstream`.
   */
  sinks: Record<string, string>;
  /** URL of the Broker among `sinks`: it is none of the task's workers, and is not shown the token of the task. */
  broker?: string;
  /** Absent: no sink is one of JetStream's. */
  jetstream?: JetStreamConfig;
  /** HTTP addresses of workers that `sinks` reaches through JetStream: for questions, and for programs that speak no NATS. */
  direct?: Record<string, string>;
  /** Of types that several workers take, each for some of the cameras: who takes which. `sinks` names the first of them. */
  shards?: Record<string, { url: string; cameras: string[] }[]>;
  /** Name that workers have in common of which one decides while the others stand by; absent: it is alone. */
  group?: string;
  /** Edge side only: folder for local results (tracks, pictures). Absent: none are written. */
  resultsFolder?: string;
  /** Edge side: what leaves the node waits here until it has arrived. Absent: it is sent at once, or not at all. */
  outbox?: OutboxConfig;
  /** match and status: folder of the embedded store. */
  storeFolder?: string;
  /** When is followed; absent: on the fly, without end. */
  timing?: TimingOptions;
  /** Media of class `person` by default. */
  classes: string[];
}
