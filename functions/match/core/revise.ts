// Applies one tracklet revision to its trace. Called by matcher.ts in the order of media time.
import type { Tracklet } from '../../../config/events.ts';
import { toGround } from './ground.ts';
import { addGroundPoint } from './groundPath.ts';
import type { Place, Stay, Trace } from './trace.ts';

const pathWidth = 5;
const maxSlots = 8;
/** A detector's foot point is off by about so much of the person's height. */
const footError = 0.04;
/** Feet nearer to a border than this, as a fraction of the image, may lie beyond it. */
const borderShare = 0.01;

/** A tracklet with what its event says about all of them. */
export interface Revision {
  camera: string;
  model: string;
  /** Pixels. */
  image: { width: number; height: number };
  tracklet: Tracklet;
}

/** The trace of a track that was never seen before, without anything in it yet. */
export function newTrace(revision: Revision): Trace {
  const { camera, model, tracklet } = revision;
  const { track, from, to } = tracklet;
  return {
    camera,
    track,
    from,
    model,
    stays: [{ camera, from, to, open: true, entry: undefined, exit: undefined }],
    appearances: [],
    to,
    tracks: 1,
    revision: 0,
    observations: 0,
    identity: undefined,
    votes: 0,
    votedFor: undefined,
    news: true,
    dirty: true,
  };
}

/**
 * Takes what is new in a revision; the caller has checked that it is newer than `trace.revision`.
 * @param homography of the camera, pixels to metres, where it has one
 */
export function revise(
  trace: Trace,
  { camera, image, tracklet }: Revision,
  homography?: readonly number[],
): void {
  const stay = trace.stays[0]!;
  stay.to = Math.max(stay.to, tracklet.to);
  stay.open = tracklet.phase !== 'end';
  trace.to = stay.to;
  trace.revision = tracklet.revision;
  trace.observations = tracklet.observations;
  trace.dirty = true;
  trace.news = true;
  const { path } = tracklet;
  for (let at = 0; at + pathWidth <= path.length; at += pathWidth) {
    stay.exit = placeAfter(stay.exit, path, at, tracklet.from, image.width / image.height);
    stay.entry = improvedEntry(stay.entry, stay.exit);
    if (homography) walk(stay, path, at, tracklet.from, image, homography);
  }
  for (const { slot, vector, quality, weight, time } of tracklet.prototypes) {
    if (slot >= 0 && slot < maxSlots) trace.appearances[slot] = { camera, vector, quality, weight, time };
  }
}

/** Adds a point to the walk on the ground, unless the feet cannot be seen. */
function walk(
  stay: Stay,
  path: Float32Array,
  at: number,
  from: number,
  image: { width: number; height: number },
  homography: readonly number[],
): void {
  const [x, y, width, height] = [path[at + 1]!, path[at + 2]!, path[at + 3]!, path[at + 4]!];
  const isCut = y > 1 - borderShare || x - width / 2 < borderShare || x + width / 2 > 1 - borderShare;
  if (isCut) return;
  const error = footError * height * image.height;
  const point = toGround(homography, x * image.width, y * image.height, error);
  if (!point) return;
  stay.ground ??= { points: [], added: 0 };
  addGroundPoint(stay.ground, from + path[at]!, point);
}

function placeAfter(
  previous: Place | undefined,
  path: Float32Array,
  at: number,
  from: number,
  aspect: number,
): Place {
  const time = from + path[at]!;
  const x = path[at + 1]! * aspect;
  const y = path[at + 2]!;
  const height = path[at + 4]!;
  const seconds = previous ? time - previous.time : 0;
  if (!previous || seconds <= 0) {
    return { time, x, y, height, velocityX: previous?.velocityX ?? 0, velocityY: previous?.velocityY ?? 0 };
  }
  // Points are about a second apart; a much closer last one would make the velocity mostly noise.
  const share = Math.min(1, seconds);
  const velocityX = (1 - share) * previous.velocityX + (share * (x - previous.x)) / seconds;
  const velocityY = (1 - share) * previous.velocityY + (share * (y - previous.y)) / seconds;
  return { time, x, y, height, velocityX, velocityY };
}

/** The first point, with the velocity that the second one shows. */
function improvedEntry(entry: Place | undefined, latest: Place): Place {
  if (!entry) return { ...latest };
  const unknown = entry.velocityX === 0 && entry.velocityY === 0;
  return unknown ? { ...entry, velocityX: latest.velocityX, velocityY: latest.velocityY } : entry;
}
