// The tracker's thresholds with unit and effect, in one place, so that a task's parameters and the benchmarks name the same things.
import type { MotionOptions } from './kalman.ts';

export interface AssociationOptions {
  /** Boxes are widened by this many deviations of the predicted position before overlap is taken: what lets people be followed at 1 frame/s. */
  readonly reach: number;
  /** How much a different height counts against a pair: similarity falls by e for a ratio of exp(1 / sizeWeight). 0 ignores height. */
  readonly sizeWeight: number;
  /** How fast a track that is out of sight loses its claim: similarity falls by e in 1 / lostWeight seconds. 0 never. */
  readonly lostWeight: number;
  /** How much different looks count against a pair, when appearance is given. 0 ignores looks. */
  readonly appearanceWeight: number;
}

export interface TrackerOptions extends MotionOptions, AssociationOptions {
  /** Detections at or above this probability may join any track; weaker ones only keep a visible track alive. */
  readonly highScore: number;
  /** Detections below this probability are ignored. */
  readonly lowScore: number;
  /** A detection that fits no track starts one from this probability on; higher gives fewer false tracks and later starts. */
  readonly birthScore: number;
  /** Detections needed before a track is reported; 1 reports at once. The first frame is always reported at once. */
  readonly confirmHits: number;
  /** At slow cameras a first detection of this probability is reported at once, since waiting for a second one costs too long. */
  readonly instantScore: number;
  /** Seconds between frames from which on a camera counts as slow. */
  readonly slowFrameSeconds: number;
  /** Seconds a track survives without a detection; longer bridges occlusions and risks handing the id to someone else. */
  readonly maxUnseenSeconds: number;
  /** Seconds a track lives on weak detections alone; stops lamp posts and signs that look a little like people. */
  readonly maxWeakSeconds: number;
  /** Most expensive pair of the first stage (strong detections, all tracks), 0 to 1. */
  readonly maxCost: number;
  /** The same for the second stage (weak detections, visible tracks). */
  readonly maxWeakCost: number;
  /** The same for tracks that were not reported yet. */
  readonly maxTentativeCost: number;
  /** How slowly a track's appearance follows its detections, 0 to 1. */
  readonly appearanceMemory: number;
  /** Most tracks remembered; beyond it the longest unseen goes. */
  readonly maxTracks: number;
  /** Most detections read per frame; give the strongest first. */
  readonly maxDetectionsRead: number;
}

export const defaultTrackerOptions: TrackerOptions = {
  centreNoise: 0.07,
  sizeNoise: 0.08,
  weakNoise: 1,
  startSpeed: 0.8,
  startSizeSpeed: 0.1,
  wander: 0.3,
  sizeWander: 0.06,
  reach: 1,
  sizeWeight: 1.5,
  lostWeight: 0.5,
  appearanceWeight: 2,
  highScore: 0.42,
  lowScore: 0.1,
  birthScore: 0.5,
  confirmHits: 2,
  instantScore: 0.7,
  slowFrameSeconds: 0.3,
  maxUnseenSeconds: 3,
  maxWeakSeconds: 2,
  maxCost: 0.8,
  maxWeakCost: 0.5,
  maxTentativeCost: 0.8,
  appearanceMemory: 0.9,
  maxTracks: 256,
  maxDetectionsRead: 300,
};
