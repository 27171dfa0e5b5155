// Which people came close to each other, for how long and how surely. The handler feeds it every revision that the matcher
// applied, in that order, and stores what it gives.
// Contacts are kept between tracks: which identities these are may still change, and a reader looks that up. Every pair is
// looked at on one grid of media time, each moment once: when the later of the two tracks is known up to there.
import { ellipsesTouch, type Feet } from './ellipses.ts';
import { toGround, type GroundPoint } from './ground.ts';
import type { Revision } from './revise.ts';

export interface ContactOptions {
  method: 'GroundPlane' | 'Ellipse';
  /** GroundPlane: nearer is contact, metres. */
  distanceM: number;
  /** GroundPlane: camera -> pixels to metres, 3 x 3 row-major. All of a task share one ground plane. */
  homographies: ReadonlyMap<string, readonly number[]>;
}

export interface TrackName {
  camera: string;
  track: string;
}

/** One time that two tracks were close. Times in seconds since the epoch. */
export interface Contact {
  a: TrackName;
  b: TrackName;
  from: number;
  to: number;
  /** Time in contact between `from` and `to`, seconds. */
  exposureS: number;
  /** Least distance, metres, and the standard deviation of it; null with Ellipse, which knows no metres. */
  distanceM: number | null;
  deviationM: number | null;
}

/** Where a track was at one moment of the grid. */
interface Sample {
  /** Pixels. */
  feet: Feet;
  ground: GroundPoint | undefined;
}

interface Path {
  name: TrackName;
  /** The last seconds, one sample a step; the first belongs to step `first`. */
  samples: Sample[];
  first: number;
  /** The newest point that was told, between steps. */
  last: Sample & { time: number };
}

export interface Contacts {
  take(revision: Revision): void;
  /** Contacts that are new or grew since they were last taken; also such that lasted only for a moment. */
  takeNews(): Contact[];
  /**
   * What a restart must know: the revisions of the last `memoryS` seconds in the order in which they were taken, and the
   * contacts of that time. Nothing is counted twice.
   */
  restore(revisions: readonly Revision[], contacts: readonly Contact[]): void;
  /** Tracks and contacts in memory. */
  size(): { paths: number; episodes: number };
}

const pathWidth = 5;
/** The grid on which pairs are looked at, seconds: a path has about one point a second. */
const stepS = 0.5;
/** Tracks tell their news every few seconds, cameras wait for each other a few more. */
export const memoryS = 30;
/** Where somebody was in a longer gap is not guessed. */
const longestGapS = 5;
const tidyEveryS = 1;
/** People who step back and forth have one contact, not many. */
const pauseS = 2;
/** Paths at a time that are compared: those heard last. */
const mostPaths = 500;
/** A detector's foot point is off by about so much of the person's height. */
const footError = 0.04;

export function createContacts(options: ContactOptions): Contacts {
  const paths = new Map<string, Path>();
  const episodes = new Map<string, Contact>();
  /** Episodes that were touched since news were taken. */
  const grown = new Set<Contact>();
  let now = -Infinity;
  let tidied = -Infinity;

  function pointsOf({ camera, image, tracklet }: Revision): Path['last'][] {
    const homography = options.homographies.get(camera);
    const { path, from } = tracklet;
    const points: Path['last'][] = [];
    for (let at = 0; at + pathWidth <= path.length; at += pathWidth) {
      const [x, y] = [path[at + 1]! * image.width, path[at + 2]! * image.height];
      const [width, height] = [path[at + 3]! * image.width, path[at + 4]! * image.height];
      const ground = homography && toGround(homography, x, y, height * footError);
      points.push({ time: from + path[at]!, feet: { x, y, width }, ground });
    }
    return points;
  }

  /** Steps from `after` on that both are known at, the newest ones of `path` included. */
  function compare(path: Path, other: Path, after: number): void {
    const from = Math.max(path.first, other.first, after);
    const to = Math.min(path.first + path.samples.length, other.first + other.samples.length);
    for (let step = from; step < to; step++)
      look(path, other, path.samples[step - path.first]!, other.samples[step - other.first]!, step * stepS);
  }

  function look(path: Path, other: Path, a: Sample, b: Sample, time: number): void {
    if (options.method === 'Ellipse') {
      if (path.name.camera === other.name.camera && ellipsesTouch(a.feet, b.feet))
        touch(path, other, time, null, null);
      return;
    }
    if (!a.ground || !b.ground) return;
    const [x, y] = [a.ground.x - b.ground.x, a.ground.y - b.ground.y];
    if (x * x + y * y < options.distanceM * options.distanceM)
      touch(path, other, time, Math.hypot(x, y), Math.hypot(a.ground.deviation, b.ground.deviation));
  }

  function touch(
    path: Path,
    other: Path,
    time: number,
    distanceM: number | null,
    deviationM: number | null,
  ): void {
    const [a, b] = keyOf(path.name) < keyOf(other.name) ? [path.name, other.name] : [other.name, path.name];
    const pair = pairOf(a, b);
    let episode = episodes.get(pair);
    if (!episode || time - episode.to > pauseS) {
      episode = { a, b, from: time, to: time, exposureS: 0, distanceM, deviationM };
      episodes.set(pair, episode);
    }
    episode.to = time;
    episode.exposureS += stepS;
    grown.add(episode);
    if (distanceM !== null && (episode.distanceM === null || distanceM < episode.distanceM))
      Object.assign(episode, { distanceM, deviationM });
  }

  function forget(): void {
    if (now < tidied + tidyEveryS) return;
    tidied = now;
    const oldest = Math.ceil((now - memoryS) / stepS);
    for (const [key, path] of paths) {
      if (path.last.time < now - memoryS) paths.delete(key);
      const old = Math.min(path.samples.length, oldest - path.first);
      if (old <= 0) continue;
      path.samples.splice(0, old);
      path.first += old;
    }
    for (const [pair, { to }] of episodes) if (to < now - memoryS - pauseS) episodes.delete(pair);
  }

  /** Lengthens the track's path; gives the first step that is new, and undefined while nothing is known of it. */
  function lengthen(revision: Revision): { path: Path; after: number } | undefined {
    const { camera, tracklet } = revision;
    const name = { camera, track: tracklet.track };
    const key = keyOf(name);
    const points = pointsOf(revision);
    const path = paths.get(key) ?? beginning(name, points[0]);
    if (!path) return undefined;
    const after = path.first + path.samples.length;
    for (const point of points) {
      if (point.time - path.last.time > longestGapS) Object.assign(path, beginning(name, point));
      if (point.time >= path.last.time) extend(path, point);
    }
    // Re-inserted, so that the map is in the order in which tracks were heard last.
    paths.delete(key);
    paths.set(key, path);
    if (paths.size > mostPaths) paths.delete(paths.keys().next().value!);
    now = Math.max(now, tracklet.to);
    return { path, after };
  }

  return {
    take(revision) {
      const longer = lengthen(revision);
      if (!longer) return;
      for (const other of paths.values())
        if (other !== longer.path) compare(longer.path, other, longer.after);
      forget();
    },
    takeNews() {
      const news = [...grown].map((contact) => ({ ...contact }));
      grown.clear();
      return news;
    },
    restore(revisions, contacts) {
      for (const revision of revisions) lengthen(revision);
      for (const contact of contacts) {
        const known = episodes.get(pairOf(contact.a, contact.b));
        if (!known || known.to < contact.to) episodes.set(pairOf(contact.a, contact.b), { ...contact });
      }
      forget();
    },
    size: () => ({ paths: paths.size, episodes: episodes.size }),
  };
}

function beginning(name: TrackName, point: Path['last'] | undefined): Path | undefined {
  return point && { name, samples: [], first: Math.ceil(point.time / stepS), last: point };
}

/** Samples up to a new point, in proportion between it and the one before. */
function extend(path: Path, point: Path['last']): void {
  const { last } = path;
  const seconds = point.time - last.time;
  for (let step = path.first + path.samples.length; step * stepS <= point.time; step++) {
    const share = seconds > 0 ? (step * stepS - last.time) / seconds : 1;
    const mix = (before: number, after: number) => before + (after - before) * share;
    const [g, h] = [last.ground, point.ground];
    path.samples.push({
      feet: {
        x: mix(last.feet.x, point.feet.x),
        y: mix(last.feet.y, point.feet.y),
        width: mix(last.feet.width, point.feet.width),
      },
      ground: g && h && { x: mix(g.x, h.x), y: mix(g.y, h.y), deviation: Math.max(g.deviation, h.deviation) },
    });
  }
  path.last = point;
}

function keyOf({ camera, track }: TrackName): string {
  return `${camera}/${track}`;
}

function pairOf(a: TrackName, b: TrackName): string {
  return JSON.stringify([keyOf(a), keyOf(b)].sort());
}
