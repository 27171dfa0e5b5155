// The tracker as shipped, plain peers on the same code, and each feature left out: what the accuracy benchmark compares with `--features`.
import type { TrackerOptions } from '../../functions/detect/core/trackerOptions.ts';

/** Nothing beyond the classic recipe: plain overlap, a loose motion model, no looks. */
const plain: Partial<TrackerOptions> = {
  reach: 0,
  sizeWeight: 0,
  lostWeight: 0,
  appearanceWeight: 0,
  weakNoise: 0,
  instantScore: Infinity,
  maxWeakSeconds: Infinity,
  startSpeed: 1.9,
  wander: 1,
  centreNoise: 0.05,
};

export const shipped = { shipped: {} } satisfies Record<string, Partial<TrackerOptions>>;

export const compared: Record<string, Partial<TrackerOptions>> = {
  ...shipped,
  'plain SORT': { ...plain, maxWeakCost: 0, confirmHits: 3, maxCost: 0.7, maxUnseenSeconds: 1 },
  'plain ByteTrack': { ...plain, maxUnseenSeconds: 1 },
  'plain, longer memory': plain,
  'no reach': { reach: 0 },
  'no size': { sizeWeight: 0 },
  'no claim decay': { lostWeight: 0 },
  'no looks': { appearanceWeight: 0 },
  'no weak noise': { weakNoise: 0 },
  'no weak limit': { maxWeakSeconds: Infinity },
  'no instant start': { instantScore: Infinity },
};
