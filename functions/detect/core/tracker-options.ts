// The tracker's thresholds with unit and effect, in one place, so that a task's parameters and the benchmarks name the same things.
import type { MotionOptions } from './kalman.ts';

export interface TrackerOptions extends MotionOptions {
  /** Detections at or above this probability may join any track; weaker ones only keep a visible track alive. */
  readonly highScore: number;
  /** Detections below this probability are ignored. */
  readonly lowScore: number;
  /** A detection that fits no track starts one from this probability on; higher gives fewer false tracks and later starts. */
  readonly birthScore: number;
  /** Detections needed before a track is reported; 1 reports at once. The first frame is always reported at once. */
  readonly confirmHits: number;
  /** A first detection at or above this probability is reported at once whatever `confirmHits` says. */
  readonly instantScore: number;
  /** Seconds a track survives without a detection; longer bridges occlusions and risks handing the id to someone else. */
  readonly maxUnseenSeconds: number;
  /** Seconds a track that is not reported yet survives without a detection. */
  readonly maxTentativeUnseenSeconds: number;
  /** Most expensive pair of the first stage (strong detections, all tracks), 0 to 1. */
  readonly maxCost: number;
  /** The same for the second stage (weak detections, visible tracks). */
  readonly maxWeakCost: number;
  /** The same for tracks not reported yet. */
  readonly maxTentativeCost: number;
  /** Share of the motion model's likelihood in the similarity; the rest is overlap. */
  readonly motionWeight: number;
  /** Squared Mahalanobis distance at which a pair without overlap is refused; 9.2 is 99 %. */
  readonly maxDistance: number;
  /** Boxes are widened by this share of their size on each side before overlap is taken. */
  readonly buffer: number;
  /** Share of the cost taken by appearance, when appearance is given. */
  readonly appearanceWeight: number;
  /** How slowly a track's appearance follows its detections, 0 to 1. */
  readonly appearanceMemory: number;
  /** Most tracks remembered; beyond it the longest unseen goes. */
  readonly maxTracks: number;
  /** Most detections read per frame; give the strongest first. */
  readonly maxDetections: number;
}

export const defaultTrackerOptions: TrackerOptions = {
  centreNoise: 0.05,
  sizeNoise: 0.05,
  startSpeed: 0.6,
  startSizeSpeed: 0.1,
  wander: 0.5,
  sizeWander: 0.1,
  highScore: 0.42,
  lowScore: 0.1,
  birthScore: 0.5,
  confirmHits: 2,
  instantScore: 2,
  maxUnseenSeconds: 2,
  maxTentativeUnseenSeconds: 0,
  maxCost: 0.8,
  maxWeakCost: 0.5,
  maxTentativeCost: 0.7,
  motionWeight: 0.5,
  maxDistance: 9.2,
  buffer: 0,
  appearanceWeight: 0,
  appearanceMemory: 0.9,
  maxTracks: 256,
  maxDetections: 300,
};
