// Constrained agglomerative clustering of traces into people. Called by matcher.ts at each evaluation.
// Best pair first, average linkage on appearance, time and place on neighbouring stays; a pair that cannot be one person
// never joins, and a pair with a rival close behind waits until the rival is out of the way.
import { conflicting, meanAgreement, meanContinuity } from './neighbours.ts';
import type { MatchSettings } from './settings.ts';
import { byTime, type Topology } from './stays.ts';
import type { Stay, Trace } from './trace.ts';

/** Among fewer groups, to lead all others says nothing. */
const leastRivals = 20;

interface Group {
  members: number[];
  stays: Stay[];
}

/**
 * Groups traces of one person.
 * @param traces in canonical order (byFirstSeen): ties are broken by it
 * @param traceOdds log-odds from appearance for each pair of traces, symmetric; -Infinity where two cannot be compared
 * @param start index of the first trace of the group that each trace is in already; a trace alone has its own index
 * @param joined told of each join: the traces of both groups, and the log-odds that they are one person
 * @returns for each trace the index of the first trace of its group
 */
export function cluster(
  traces: readonly Trace[],
  traceOdds: Float64Array,
  start: Int32Array,
  topology: Topology,
  settings: MatchSettings,
  joined?: (a: readonly number[], b: readonly number[], odds: number) => void,
): Int32Array {
  const groups: (Group | undefined)[] = startGroups(traces, start);
  const odds = groupOdds(groups as Group[], traceOdds, traces.length);
  const n = groups.length;
  const alive = Int32Array.from(groups, (_, i) => i);
  let aliveCount = n;
  // Time and place can lift a pair by no more than this: what lies lower is never looked at again.
  const reach = -Math.max(settings.motionCeiling, settings.transitionCeiling, settings.positionCeiling);
  const marginOdds = settings.margin * settings.slope;
  /** scores[a * n + b] for a < b; -Infinity where the two cannot join. */
  const scores = new Float64Array(n * n).fill(-Infinity);
  const rowBest = new Int32Array(n).fill(-1);
  /** Pairs that wait, by the group in their way. */
  const waiting = new Map<number, number>();

  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) if (odds[a * n + b]! > reach) scores[a * n + b] = score(a, b);
    rowBest[a] = bestOfRow(a);
  }
  for (let pick = bestPair(); pick >= 0; pick = bestPair()) {
    const a = Math.floor(pick / n);
    const b = pick % n;
    const rival = rivalOf(a, b);
    if (rival < 0) join(a, b);
    else {
      waiting.set(pick, rival);
      rowBest[a] = bestOfRow(a);
    }
    if (bestPair() < 0) decideClearest();
  }
  if (settings.leadOdds > 0) while (aliveCount >= leastRivals && joinLeader());
  return firstMembers(groups, traces.length);

  /** Nothing is beyond doubt any more: the most similar of the pairs that wait may join if it is similar enough. */
  function decideClearest(): void {
    let best = -1;
    let bestScore = settings.ambiguousOdds;
    for (const pair of waiting.keys()) {
      const value = scores[pair]!;
      if (value > bestScore || (value === bestScore && pair < best)) [best, bestScore] = [pair, value];
    }
    if (best >= 0) join(Math.floor(best / n), best % n);
  }

  /** Two groups of several traces that nothing else comes near to may lie a little below zero; false when there are none. */
  function joinLeader(): boolean {
    let best = -1;
    let bestScore = -settings.leadOdds;
    for (let i = 0; i < aliveCount; i++) {
      const a = alive[i]!;
      if (groups[a]!.members.length < 2) continue;
      for (let k = 0; k < aliveCount; k++) {
        const b = alive[k]!;
        if (b <= a || groups[b]!.members.length < 2) continue;
        const value = scores[a * n + b]!;
        if (value > bestScore && leads(a, b, value)) [best, bestScore] = [a * n + b, value];
      }
    }
    if (best >= 0) join(Math.floor(best / n), best % n);
    return best >= 0;
  }

  /** Whether neither group has another that fits it nearly as well. */
  function leads(a: number, b: number, value: number): boolean {
    for (let i = 0; i < aliveCount; i++) {
      const c = alive[i]!;
      if (c === a || c === b) continue;
      if (Math.max(scoreOf(a, c), scoreOf(b, c)) > value - settings.leadOdds) return false;
    }
    return true;
  }

  function score(a: number, b: number): number {
    const appearance = odds[a * n + b]!;
    if (appearance <= reach) return -Infinity;
    const [first, second] = [groups[a]!.stays, groups[b]!.stays];
    if (conflicting(first, second, topology, settings)) return -Infinity;
    const place = meanAgreement(first, second, topology);
    return appearance + place + meanContinuity(first, second, topology, settings);
  }

  function scoreOf(a: number, b: number): number {
    return a < b ? scores[a * n + b]! : scores[b * n + a]!;
  }

  /** The best partner further on, among those above zero that need not wait; -1 without one. */
  function bestOfRow(a: number): number {
    let best = -1;
    let bestScore = 0;
    for (let b = a + 1; b < n; b++) {
      const value = scores[a * n + b]!;
      if (value > bestScore && !waiting.has(a * n + b)) {
        best = b;
        bestScore = value;
      }
    }
    return best;
  }

  function bestPair(): number {
    let best = -1;
    let bestScore = 0;
    for (let i = 0; i < aliveCount; i++) {
      const a = alive[i]!;
      const b = rowBest[a]!;
      if (b >= 0 && scores[a * n + b]! > bestScore) {
        best = a * n + b;
        bestScore = scores[best]!;
      }
    }
    return best;
  }

  /** A group that one of the two could join nearly as well, though it is not the other's person; -1 without one. */
  function rivalOf(a: number, b: number): number {
    const limit = scores[a * n + b]! - marginOdds;
    let found = -1;
    let foundScore = limit;
    for (let i = 0; i < aliveCount; i++) {
      const c = alive[i]!;
      if (c === a || c === b) continue;
      const [toA, toB] = [scoreOf(a, c), scoreOf(b, c)];
      const value = Math.max(toB <= 0 ? toA : -Infinity, toA <= 0 ? toB : -Infinity);
      if (value > foundScore) {
        found = c;
        foundScore = value;
      }
    }
    return found;
  }

  /** b becomes part of a; what was computed about either is computed again. */
  function join(a: number, b: number): void {
    const [first, second] = [groups[a]!, groups[b]!];
    const [sizeA, sizeB] = [first.members.length, second.members.length];
    joined?.(first.members, second.members, scores[a * n + b]!);
    groups[a] = {
      members: [...first.members, ...second.members].sort((x, y) => x - y),
      stays: [...first.stays, ...second.stays].sort(byTime),
    };
    groups[b] = undefined;
    aliveCount -= 1;
    alive.copyWithin(alive.indexOf(b), alive.indexOf(b) + 1);
    rowBest[b] = -1;
    const again = new Set<number>([a]);
    for (const [pair, rival] of waiting) {
      const [x, y] = [Math.floor(pair / n), pair % n];
      if (rival !== a && rival !== b && x !== a && x !== b && y !== a && y !== b) continue;
      waiting.delete(pair);
      again.add(x);
    }
    for (let c = 0; c < n; c++) scores[c < b ? c * n + b : b * n + c] = -Infinity;
    for (let i = 0; i < aliveCount; i++) {
      const c = alive[i]!;
      if (c === a) continue;
      const value = (sizeA * odds[a * n + c]! + sizeB * odds[b * n + c]!) / (sizeA + sizeB);
      odds[a * n + c] = value;
      odds[c * n + a] = value;
      scores[c < a ? c * n + a : a * n + c] = score(a, c);
      if (rowBest[c] === a || rowBest[c] === b) again.add(c);
      else if (c < a && (rowBest[c]! < 0 ? 0 : scores[c * n + rowBest[c]!]!) < scores[c * n + a]!)
        rowBest[c] = a;
    }
    for (const c of again) if (groups[c]) rowBest[c] = bestOfRow(c);
  }
}

function firstMembers(groups: (Group | undefined)[], n: number): Int32Array {
  const out = new Int32Array(n);
  for (const group of groups) {
    if (!group) continue;
    for (const member of group.members) out[member] = group.members[0]!;
  }
  return out;
}

function startGroups(traces: readonly Trace[], start: Int32Array): Group[] {
  const byFirst = new Map<number, Group>();
  traces.forEach((trace, i) => {
    const group = byFirst.get(start[i]!);
    if (!group) byFirst.set(start[i]!, { members: [i], stays: trace.stays });
    else {
      group.members.push(i);
      group.stays = [...group.stays, ...trace.stays];
    }
  });
  for (const group of byFirst.values()) if (group.members.length > 1) group.stays.sort(byTime);
  return [...byFirst.values()];
}

/** Mean of the traces' odds for each pair of groups. */
function groupOdds(groups: readonly Group[], traceOdds: Float64Array, traceCount: number): Float64Array {
  const n = groups.length;
  const owner = new Int32Array(traceCount);
  groups.forEach(({ members }, g) => members.forEach((member) => (owner[member] = g)));
  const odds = new Float64Array(n * n);
  for (let i = 0; i < traceCount; i++) {
    const row = owner[i]! * n;
    for (let j = 0; j < traceCount; j++) odds[row + owner[j]!]! += traceOdds[i * traceCount + j]!;
  }
  for (let a = 0; a < n; a++) {
    for (let b = 0; b < n; b++) odds[a * n + b]! /= groups[a]!.members.length * groups[b]!.members.length;
  }
  return odds;
}
