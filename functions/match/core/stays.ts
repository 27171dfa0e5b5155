// Which stays cannot belong to one person, and what time and place say about two that could. Called by neighbours.ts.
import { onwards, type Agreement } from './groundPath.ts';
import type { MatchSettings } from './settings.ts';
import type { Place, Stay } from './trace.ts';

/** What the operator says about two cameras. */
export interface GivenTopology {
  /** Whether the two may see one person at one time. */
  overlap(a: string, b: string): boolean;
  /** Least and most seconds from leaving one to entering the other, when given. */
  travel(a: string, b: string): { minS: number; maxS: number } | undefined;
}

/** All that is known of the site. */
export interface Topology extends GivenTopology {
  /** Log-odds of leaving like `a` and entering like `b`, learned; 0 when nothing is known. */
  transition(a: Stay, b: Stay): number;
  /** What the ground says about two stays at one time; undefined when it says nothing. */
  agreement(a: Stay, b: Stay): Agreement | undefined;
}

/** A single moment may show a wrong foot point. */
const leastMoments = 2;

export function byTime(a: Stay, b: Stay): number {
  return a.from - b.from || a.to - b.to || (a.camera < b.camera ? -1 : a.camera > b.camera ? 1 : 0);
}

/** True when no one person can have made both stays. */
export function conflict(a: Stay, b: Stay, topology: Topology, settings: MatchSettings): boolean {
  const [first, second] = byTime(a, b) <= 0 ? [a, b] : [b, a];
  const gap = second.from - first.to;
  if (a.camera === b.camera) return gap <= 0 || first.open;
  if (!settings.acrossCamera) return true;
  const agreement = topology.agreement(a, b);
  if (agreement && agreement.moments >= leastMoments && agreement.beyondM > settings.apartM) return true;
  if (topology.overlap(a.camera, b.camera)) return false;
  const travel = topology.travel(a.camera, b.camera);
  if (travel) return gap < travel.minS;
  if (Math.min(first.to, second.to) - second.from > settings.handoverS) return true;
  return tooFar(first, second, settings);
}

/** Whether nobody runs from the end of one stay to the beginning of the other in the time between. */
function tooFar(first: Stay, second: Stay, settings: MatchSettings): boolean {
  if (!first.ground || !second.ground || second.from < first.to) return false;
  const way = onwards(first.ground, second.ground, settings);
  return way !== undefined && way.beyondM > settings.apartM + settings.fastestMps * way.seconds;
}

/** Log-odds that two stays, one after the other, are one person's, from time and place alone. */
export function continuity(a: Stay, b: Stay, topology: Topology, settings: MatchSettings): number {
  const [first, second] = byTime(a, b) <= 0 ? [a, b] : [b, a];
  const gap = Math.max(0, second.from - first.to);
  if (gap > settings.maxAbsenceS) return -Infinity;
  const prior = Math.max(settings.gapFloor, -settings.gapWeight * Math.log1p(gap / settings.gapScaleS));
  if (first.camera === second.camera) {
    return prior - settings.sameCameraPenalty + motion(first.exit, second.entry, gap, settings);
  }
  const travel = topology.travel(first.camera, second.camera);
  const late = travel && gap > travel.maxS ? settings.transitionFloor : 0;
  return prior + late + topology.transition(first, second) + walkOn(first, second, gap, settings);
}

/** How well a walk on the ground goes on in another camera's view; fades as the gap grows. */
function walkOn(first: Stay, second: Stay, gap: number, settings: MatchSettings): number {
  if (!first.ground || !second.ground || second.from < first.to) return 0;
  const way = onwards(first.ground, second.ground, settings);
  if (!way) return 0;
  const belief = Math.exp(-gap / settings.motionMemoryS);
  return belief * Math.max(settings.motionFloor, Math.min(settings.motionCeiling, way.odds));
}

/** How well one camera's path goes on after a gap; fades as the gap grows. */
function motion(
  exit: Place | undefined,
  entry: Place | undefined,
  gap: number,
  settings: MatchSettings,
): number {
  if (!exit || !entry) return 0;
  const seconds = entry.time - exit.time;
  // People stop and turn: the old velocity is believed for a second only.
  const ahead = Math.min(Math.max(seconds, 0), 1);
  const x = entry.x - exit.x - exit.velocityX * ahead;
  const y = entry.y - exit.y - exit.velocityY * ahead;
  // A walking person covers about one body height a second, a running one three.
  const deviation = Math.max(exit.height, entry.height, 0.01) * (0.35 + Math.max(seconds, 0));
  const distance = (x * x + y * y) / (deviation * deviation);
  const belief = Math.exp(-gap / settings.motionMemoryS);
  return belief * Math.max(settings.motionFloor, settings.motionCeiling - 0.5 * distance);
}
