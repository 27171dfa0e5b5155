// Where a person walked on the ground during one stay, and whether two stays can be one walk. Called by revise.ts and
// evidence.ts; only cameras with a homography have such paths, and all of a task share one ground plane.
import type { GroundPoint } from './ground.ts';
import type { MatchSettings } from './settings.ts';

/** A bounded walk. */
export interface GroundPath {
  /** n x 4, by time: seconds since the epoch, x, y, standard deviation; metres. */
  points: number[];
  /** Points that were ever added: tells two states of one path apart. */
  added: number;
}

/** What two walks say about being one. */
export interface Agreement {
  /** Moments that were compared. */
  moments: number;
  /** Median distance, metres. */
  distanceM: number;
  /** Log-odds of being one person. */
  odds: number;
  /** Median distance beyond what the errors of both explain, metres. */
  beyondM: number;
}

const width = 4;
const mostPoints = 64;
/** The newest points stay whole when a long path is thinned: they are what other cameras see now. */
const keptWhole = 16;
/** Where somebody was in a longer gap is not guessed. */
const longestGapS = 6;
/** Metres a second by which a walk strays from the straight line between two points. */
const strayMps = 0.4;
/** People other than the right one are thought to stand anywhere on so many square metres around. */
const areaM2 = 25;
/** Moments follow from one another: more than so many say no more. */
const mostMoments = 9;
/** Share of foot points that are nowhere near the feet: hidden by something, or of somebody else whom the tracker took up. */
const wrongShare = 0.05;
const worstSquare = 16;

/** Appends a point that is later than all before; thins out the past when there are too many. */
export function addGroundPoint(path: GroundPath, time: number, { x, y, deviation }: GroundPoint): void {
  const { points } = path;
  if (points.length >= width && time <= points[points.length - width]!) return;
  points.push(time, x, y, deviation);
  path.added += 1;
  if (points.length <= mostPoints * width) return;
  const old = points.length / width - keptWhole;
  const kept: number[] = [];
  for (let i = 0; i < old; i += 2) kept.push(...points.slice(i * width, (i + 1) * width));
  path.points = [...kept, ...points.slice(old * width)];
}

/** The walk with its first point and its last two alone. */
export function endsOf({ points, added }: GroundPath): GroundPath {
  if (points.length <= 3 * width) return { points, added };
  return { points: [...points.slice(0, width), ...points.slice(-2 * width)], added };
}

/** Compares two walks at the moments that both cover; undefined when there are none. */
export function agreementOf(a: GroundPath, b: GroundPath, settings: MatchSettings): Agreement | undefined {
  const moments: { distance: number; beyond: number; odds: number }[] = [];
  compare(a.points, b.points, settings, moments);
  compare(b.points, a.points, settings, moments);
  if (moments.length === 0) return undefined;
  const mean = moments.reduce((sum, { odds }) => sum + odds, 0) / moments.length;
  const odds = mean * Math.sqrt(Math.min(moments.length, mostMoments));
  return {
    moments: moments.length,
    distanceM: median(moments.map(({ distance }) => distance)),
    odds: Math.min(settings.positionCeiling, Math.max(settings.positionFloor, odds)),
    beyondM: median(moments.map(({ beyond }) => beyond)),
  };
}

function compare(
  from: readonly number[],
  to: readonly number[],
  settings: MatchSettings,
  moments: { distance: number; beyond: number; odds: number }[],
): void {
  let next = 0;
  for (let at = 0; at < from.length; at += width) {
    const time = from[at]!;
    while (next < to.length && to[next]! < time) next += width;
    const there = between(to, next, time);
    if (!there) continue;
    const distance = Math.hypot(from[at + 1]! - there.x, from[at + 2]! - there.y);
    const square = from[at + 3]! ** 2 + there.deviation ** 2 + settings.positionErrorM ** 2;
    const likeness = (areaM2 / (2 * Math.PI * square)) * Math.exp(-(distance * distance) / (2 * square));
    const odds = Math.log((1 - wrongShare) * likeness + wrongShare);
    moments.push({ distance, beyond: distance - 3 * Math.sqrt(square), odds });
  }
}

/** The place at `time`, between the point at `next` and the one before. */
function between(points: readonly number[], next: number, time: number): GroundPoint | undefined {
  if (next >= points.length) return undefined;
  const [t1, x1, y1, d1] = points.slice(next, next + width) as [number, number, number, number];
  if (t1 === time) return { x: x1, y: y1, deviation: d1 };
  if (next === 0) return undefined;
  const [t0, x0, y0, d0] = points.slice(next - width, next) as [number, number, number, number];
  if (t1 - t0 > longestGapS) return undefined;
  const share = (time - t0) / (t1 - t0);
  const stray = strayMps * Math.min(time - t0, t1 - time);
  return {
    x: x0 + share * (x1 - x0),
    y: y0 + share * (y1 - y0),
    deviation: Math.hypot(Math.max(d0, d1), stray),
  };
}

/**
 * Metres between the end of one walk and the beginning of a later one, beyond what the errors of both explain, with the
 * log-odds that the second goes on with the first; undefined when either is empty.
 */
export function onwards(
  a: GroundPath,
  b: GroundPath,
  settings: MatchSettings,
): { beyondM: number; seconds: number; odds: number } | undefined {
  const last = a.points.length - width;
  if (last < 0 || b.points.length < width) return undefined;
  const [time, x, y, deviation] = a.points.slice(last) as [number, number, number, number];
  const [laterTime, laterX, laterY, laterDeviation] = b.points as [number, number, number, number];
  const seconds = Math.max(0, laterTime - time);
  const error = Math.hypot(deviation, laterDeviation, settings.positionErrorM);
  const distance = Math.hypot(laterX - x, laterY - y);
  // People stop and turn: the old velocity is believed for a second only.
  const ahead = Math.min(seconds, 1);
  const [velocityX, velocityY] = velocityAtEnd(a.points);
  const missed = Math.hypot(laterX - x - velocityX * ahead, laterY - y - velocityY * ahead);
  const square = error ** 2 + (0.8 * seconds) ** 2;
  const odds =
    Math.log(areaM2 / (2 * Math.PI * square)) - Math.min(worstSquare, (missed * missed) / (2 * square));
  return { beyondM: distance - 3 * error, seconds, odds };
}

function velocityAtEnd(points: readonly number[]): [number, number] {
  const last = points.length - width;
  const before = last - width;
  if (before < 0) return [0, 0];
  const seconds = points[last]! - points[before]!;
  if (seconds < 0.5 || seconds > longestGapS) return [0, 0];
  return [
    (points[last + 1]! - points[before + 1]!) / seconds,
    (points[last + 2]! - points[before + 2]!) / seconds,
  ];
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1]!;
}
