// What the stays of two groups of traces say about the groups being one person. Called by cluster.ts.
import type { MatchSettings } from './settings.ts';
import { byTime, conflict, continuity, type Topology } from './stays.ts';
import type { Stay } from './trace.ts';

/** Whether no one person can have made both groups of stays. */
export function conflicting(a: Stay[], b: Stay[], topology: Topology, settings: MatchSettings): boolean {
  for (const stay of a) for (const other of b) if (conflict(stay, other, topology, settings)) return true;
  return false;
}

/** Mean of what the ground says about stays of both groups at one time; 0 when it says nothing. */
export function meanAgreement(a: Stay[], b: Stay[], topology: Topology): number {
  let sum = 0;
  let count = 0;
  for (const stay of a) {
    for (const other of b) {
      const agreement = topology.agreement(stay, other);
      if (!agreement) continue;
      sum += agreement.odds;
      count += 1;
    }
  }
  return count === 0 ? 0 : sum / count;
}

/** Mean continuity of the stays that would become neighbours in time if two groups joined; both sorted by time. */
export function meanContinuity(a: Stay[], b: Stay[], topology: Topology, settings: MatchSettings): number {
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
