// The shapes that the files of this folder and the detect handler hand to each other; kept apart so that none imports another for a type.

/** Boxes found in one frame. Arrays may be longer than `count`; rows at `count` and beyond are not read. */
export interface Detections {
  /** count x 4: x1 y1 x2 y2, image pixels. */
  readonly boxes: Float32Array;
  /** Person probability, 0 to 1, one per box. */
  readonly scores: Float32Array;
  readonly count: number;
}

/** Detections of one frame with what they look like. */
export interface SeenDetections extends Detections {
  /** count x D, each row of length 1, D the same in every frame; compared by dot product. Left out when nothing is known. */
  readonly appearance?: Float32Array;
}

export interface ImageSize {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
}

/** One confirmed track as seen after a frame. A fresh object each frame: keep it, nobody changes it later. */
export interface TrackedBox {
  /** Positive, unique within one tracker state, never reused. */
  readonly id: number;
  /** x1 y1 x2 y2, image pixels: the detection's own box when matched, else where the motion model expects the person. */
  readonly box: readonly [number, number, number, number];
  /** Score of the latest matched detection. */
  readonly score: number;
  /** Seconds since the first detection of this track. */
  readonly ageSeconds: number;
  /** Seconds since the latest matched detection; 0 when matched in this frame. */
  readonly unseenSeconds: number;
  /** Row of the matched detection in this frame, -1 when there is none. */
  readonly detection: number;
  /** True in the one frame in which the track is reported first. */
  readonly started: boolean;
  /** True while no detection supports the track. */
  readonly lost: boolean;
}

/** What one call of the tracker reports. */
export interface TrackedFrame {
  readonly tracks: TrackedBox[];
  /** Confirmed tracks that ended in this frame and will not come back. */
  readonly endedIds: number[];
}
