// Which stays cannot belong to one person, and what time and place say about two that could. Called by evidence.ts.
import type { MatchSettings } from './settings.ts';
import type { Place, Stay } from './trace.ts';

/** What the operator or experience says about two cameras. */
export interface Topology {
  /** Whether the two may see one person at one time. */
  overlap(a: string, b: string): boolean;
  /** Least and most seconds from leaving one to entering the other, when given. */
  travel(a: string, b: string): { minS: number; maxS: number } | undefined;
  /** Log-odds of leaving like `a` and entering like `b`, learned; 0 when nothing is known. */
  transition(a: Stay, b: Stay): number;
}

export function byTime(a: Stay, b: Stay): number {
  return a.from - b.from || a.to - b.to || (a.camera < b.camera ? -1 : a.camera > b.camera ? 1 : 0);
}

/** True when no one person can have made both stays. */
export function conflict(a: Stay, b: Stay, topology: Topology, settings: MatchSettings): boolean {
  const [first, second] = byTime(a, b) <= 0 ? [a, b] : [b, a];
  const gap = second.from - first.to;
  if (a.camera === b.camera) return gap <= 0 || first.open;
  if (!settings.acrossCamera) return true;
  if (topology.overlap(a.camera, b.camera)) return false;
  const travel = topology.travel(a.camera, b.camera);
  if (travel) return gap < travel.minS;
  return Math.min(first.to, second.to) - second.from > settings.handoverS;
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
  return prior + late + topology.transition(first, second);
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
