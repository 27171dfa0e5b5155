// How often the best of all tracks of other cameras is the right person, by the matcher's evidence alone. Called by main.ts.
import type { MatchSettings } from '../../functions/match/core/settings.ts';
import { conflict, continuity } from '../../functions/match/core/stays.ts';
import { traceKey, type Trace } from '../../functions/match/core/trace.ts';
import type { Believed } from './believed.ts';

/** @param people of tracks, `camera/track`; gives NaN when nobody is in two cameras */
export function rankOne(
  { traces, similarities, evidence }: Believed,
  people: ReadonlyMap<string, string>,
  settings: MatchSettings,
): number {
  const odds = similarities.odds(traces);
  const person = (trace: Trace) => people.get(traceKey(trace.camera, trace.track));
  let [right, queries] = [0, 0];
  for (const [a, trace] of traces.entries()) {
    const own = person(trace);
    if (own === undefined || !traces.some((other) => other.camera !== trace.camera && person(other) === own))
      continue;
    let best = -Infinity;
    let bestPerson: string | undefined;
    for (const [b, other] of traces.entries()) {
      const theirs = person(other);
      if (other.camera === trace.camera || theirs === undefined) continue;
      const [stay, otherStay] = [trace.stays[0]!, other.stays[0]!];
      if (conflict(stay, otherStay, evidence, settings)) continue;
      const place = evidence.agreement(stay, otherStay)?.odds ?? 0;
      const value = odds[a * traces.length + b]! + place + continuity(stay, otherStay, evidence, settings);
      if (value > best) [best, bestPerson] = [value, theirs];
    }
    queries += 1;
    if (bestPerson === own) right += 1;
  }
  return right / queries;
}
