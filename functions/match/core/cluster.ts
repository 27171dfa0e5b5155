// Constrained agglomerative clustering of traces into people. Called by matcher.ts at each evaluation.
// Best pair first, average linkage on appearance, time and place on neighbouring stays; a pair that cannot be one person
// never joins, and a pair with a rival close behind waits until the rival is out of the way.
import { byTime, conflict, continuity, type Topology } from './stays.ts';
import type { MatchSettings } from './settings.ts';
import type { Similarities } from './similarity.ts';
import type { Stay, Trace } from './trace.ts';

interface Group {
  members: number[];
  stays: Stay[];
}

interface Candidate {
  score: number;
  a: number;
  b: number;
}

/**
 * Groups traces of one person.
 * @param traces in canonical order (byFirstSeen): ties are broken by it
 * @returns for each trace the index of the first trace of its group
 */
export function cluster(
  traces: readonly Trace[],
  similarities: Similarities,
  topology: Topology,
  settings: MatchSettings,
): Int32Array {
  const n = traces.length;
  const linkage = appearanceLinkage(traces, similarities, settings);
  const groups: (Group | undefined)[] = traces.map((trace, i) => ({ members: [i], stays: trace.stays }));
  // Continuity can lift a pair by no more than this: what lies lower is never looked at again.
  const reach = -Math.max(settings.motionCeiling, settings.transitionCeiling);
  const score = (a: number, b: number): number => {
    const appearance = linkage[a * n + b]!;
    if (appearance <= reach) return -Infinity;
    const [first, second] = [groups[a]!.stays, groups[b]!.stays];
    if (conflicting(first, second, topology, settings)) return -Infinity;
    return appearance + neighbours(first, second, topology, settings);
  };
  // scores[a * n + b] for a < b; -Infinity where a group is gone or the two cannot join.
  const scores = new Float64Array(n * n).fill(-Infinity);
  for (let a = 0; a < n; a++) for (let b = a + 1; b < n; b++) scores[a * n + b] = score(a, b);
  const rowBest = new Int32Array(n).fill(-1);
  for (let a = 0; a < n; a++) rowBest[a] = bestOfRow(scores, a, n);

  const marginOdds = settings.margin * settings.slope;
  const waiting = new Set<number>();
  for (;;) {
    const pick = bestPair(scores, rowBest, n, waiting);
    if (!pick || pick.score <= 0) break;
    const rival = bestRival(pick, scores, n);
    if (pick.score - rival < marginOdds) {
      waiting.add(pick.a * n + pick.b);
      rowBest[pick.a] = bestOfRow(scores, pick.a, n, waiting);
      continue;
    }
    join(pick.a, pick.b);
    // What made a pair wait may be gone now.
    if (waiting.size > 0) {
      waiting.clear();
      for (let a = 0; a < n; a++) rowBest[a] = bestOfRow(scores, a, n);
    }
  }
  return firstMembers(groups, n);

  function join(a: number, b: number): void {
    const [first, second] = [groups[a]!, groups[b]!];
    const [sizeA, sizeB] = [first.members.length, second.members.length];
    for (let c = 0; c < n; c++) {
      if (c === a || c === b || !groups[c]) continue;
      const value = (sizeA * linkage[a * n + c]! + sizeB * linkage[b * n + c]!) / (sizeA + sizeB);
      linkage[a * n + c] = value;
      linkage[c * n + a] = value;
    }
    groups[a] = {
      members: [...first.members, ...second.members].sort((x, y) => x - y),
      stays: [...first.stays, ...second.stays].sort(byTime),
    };
    groups[b] = undefined;
    for (let c = 0; c < n; c++) {
      if (c < b) scores[c * n + b] = -Infinity;
      else scores[b * n + c] = -Infinity;
      if (c !== a && groups[c]) scores[Math.min(a, c) * n + Math.max(a, c)] = score(a, c);
    }
    for (let c = 0; c < n; c++) {
      if (!groups[c]) rowBest[c] = -1;
      else if (c === a || rowBest[c] === a || rowBest[c] === b || c < a) rowBest[c] = bestOfRow(scores, c, n);
    }
  }
}

/** n x n log-odds from appearance; -Infinity where two traces cannot be compared. */
function appearanceLinkage(
  traces: readonly Trace[],
  similarities: Similarities,
  settings: MatchSettings,
): Float64Array {
  const n = traces.length;
  const linkage = new Float64Array(n * n).fill(-Infinity);
  for (let a = 0; a < n; a++) {
    const first = traces[a]!;
    const threshold = similarities.threshold(first.model);
    for (let b = a + 1; b < n; b++) {
      const second = traces[b]!;
      const similarity = similarities.of(first, second);
      if (Number.isNaN(similarity)) continue;
      const odds = settings.slope * (similarity - threshold);
      const bounded = Math.min(settings.appearanceCeiling, Math.max(settings.appearanceFloor, odds));
      linkage[a * n + b] = bounded;
      linkage[b * n + a] = bounded;
    }
  }
  return linkage;
}

function conflicting(a: Stay[], b: Stay[], topology: Topology, settings: MatchSettings): boolean {
  return a.some((stay) => b.some((other) => conflict(stay, other, topology, settings)));
}

/** Mean continuity of the stays that would become neighbours in time if two groups joined. */
function neighbours(a: Stay[], b: Stay[], topology: Topology, settings: MatchSettings): number {
  let sum = 0;
  let count = 0;
  let i = 0;
  let j = 0;
  let previous: Stay | undefined;
  let previousIsA = false;
  while (i < a.length || j < b.length) {
    const takeA = j >= b.length || (i < a.length && byTime(a[i]!, b[j]!) <= 0);
    const next = takeA ? a[i++]! : b[j++]!;
    if (previous && previousIsA !== takeA) {
      sum += continuity(previous, next, topology, settings);
      count += 1;
    }
    previous = next;
    previousIsA = takeA;
  }
  return count === 0 ? 0 : sum / count;
}

function bestOfRow(scores: Float64Array, a: number, n: number, waiting?: ReadonlySet<number>): number {
  let best = -1;
  let bestScore = 0;
  for (let b = a + 1; b < n; b++) {
    const value = scores[a * n + b]!;
    if (value > bestScore && !waiting?.has(a * n + b)) {
      best = b;
      bestScore = value;
    }
  }
  return best;
}

function bestPair(
  scores: Float64Array,
  rowBest: Int32Array,
  n: number,
  waiting: ReadonlySet<number>,
): Candidate | undefined {
  let best: Candidate | undefined;
  for (let a = 0; a < n; a++) {
    const b = rowBest[a]!;
    if (b < 0 || waiting.has(a * n + b)) continue;
    const value = scores[a * n + b]!;
    if (!best || value > best.score) best = { score: value, a, b };
  }
  return best;
}

/** The best other partner of either side that is not the same person as the chosen partner. */
function bestRival({ a, b }: Candidate, scores: Float64Array, n: number): number {
  let best = -Infinity;
  const pair = (x: number, y: number) => scores[Math.min(x, y) * n + Math.max(x, y)]!;
  for (let c = 0; c < n; c++) {
    if (c === a || c === b) continue;
    if (pair(b, c) <= 0) best = Math.max(best, pair(a, c));
    if (pair(a, c) <= 0) best = Math.max(best, pair(b, c));
  }
  return best;
}

function firstMembers(groups: (Group | undefined)[], n: number): Int32Array {
  const out = new Int32Array(n);
  for (const group of groups) {
    if (!group) continue;
    for (const member of group.members) out[member] = group.members[0]!;
  }
  return out;
}
