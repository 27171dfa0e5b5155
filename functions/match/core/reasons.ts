// Says in one sentence, with figures, why a trace belongs to its identity. Called by matcher.ts for each decision it announces.
import type { Evidence } from '../../../config/events.ts';
import { meanAgreement, meanContinuity } from './neighbours.ts';
import type { MatchSettings } from './settings.ts';
import type { Similarities } from './similarity.ts';
import { byTime, type Topology } from './stays.ts';
import type { Stay, Trace } from './trace.ts';

/**
 * Evidence for `trace` being one of `group` (which contains it).
 * @param groups every group, by name @param name the name of its group
 */
export function evidenceFor(
  trace: Trace,
  name: string,
  groups: ReadonlyMap<string, readonly Trace[]>,
  similarities: Similarities,
  topology: Topology,
  settings: MatchSettings,
): Evidence {
  const own = groups.get(name)!.filter((other) => other !== trace);
  const score = meanSimilarity(trace, own, similarities);
  let rival: { name: string; score: number } | undefined;
  for (const [other, members] of groups) {
    if (other === name) continue;
    const similarity = meanSimilarity(trace, members, similarities);
    if (similarity !== null && (!rival || similarity > rival.score))
      rival = { name: other, score: similarity };
  }
  const margin = rival && score !== null ? round(score - rival.score) : null;
  if (own.length === 0) {
    const nearest = rival
      ? `the most similar one, ${rival.name}, reaches ${rival.score.toFixed(2)}`
      : 'nobody to compare with';
    return {
      score: rival ? round(rival.score) : null,
      margin: null,
      reason: `nobody known fits: ${nearest}`,
    };
  }
  const next = rival ? `, the next, ${rival.name}, ${rival.score.toFixed(2)}` : '';
  const needed = similarities.threshold(trace.model).toFixed(2);
  const looks =
    score === null ? 'nothing to compare' : `similarity ${score.toFixed(2)}, ${needed} needed${next}`;
  return {
    score: score === null ? null : round(score),
    margin,
    reason: `${looks}; ${nearestStay(trace, own)}${timeAndPlace(trace, own, topology, settings)}`,
  };
}

function meanSimilarity(trace: Trace, others: readonly Trace[], similarities: Similarities): number | null {
  let sum = 0;
  let count = 0;
  for (const other of others) {
    const value = similarities.of(trace, other);
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? null : sum / count;
}

/** What time and place say by themselves, as betting odds. */
function timeAndPlace(
  trace: Trace,
  own: readonly Trace[],
  topology: Topology,
  settings: MatchSettings,
): string {
  const stays = own.flatMap((member) => member.stays).sort(byTime);
  const place = meanAgreement(trace.stays, stays, topology);
  const odds = place + meanContinuity(trace.stays, stays, topology, settings);
  if (!Number.isFinite(odds) || Math.abs(odds) < 0.2) return '';
  const ratio = Math.exp(Math.abs(odds));
  const rounded = ratio < 10 ? ratio.toFixed(1) : Math.min(9999, ratio).toFixed(0);
  const where = nearestOnGround(trace, own, topology);
  return `${where}; time and place ${rounded} to 1 ${odds > 0 ? 'for' : 'against'} it`;
}

function nearestOnGround(trace: Trace, own: readonly Trace[], topology: Topology): string {
  const distances = own
    .flatMap((member) => member.stays)
    .flatMap((stay) => topology.agreement(trace.stays[0]!, stay)?.distanceM ?? []);
  return distances.length === 0 ? '' : `, ${Math.min(...distances).toFixed(1)} m apart on the ground`;
}

/** The stay of the identity that lies nearest in time, in words. */
function nearestStay(trace: Trace, own: readonly Trace[]): string {
  const stay = trace.stays[0]!;
  let nearest: Stay | undefined;
  let distance = Infinity;
  for (const other of own.flatMap((member) => member.stays)) {
    const gap = Math.max(stay.from - other.to, other.from - stay.to);
    if (gap < distance) [nearest, distance] = [other, gap];
  }
  if (!nearest) return 'no other stay';
  if (distance <= 0) return `seen at the same time by ${nearest.camera}`;
  const when = nearest.to <= stay.from ? 'before' : 'after';
  return `seen by ${nearest.camera} ${distance.toFixed(1)} s ${when}`;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
