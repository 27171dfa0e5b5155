// How often the best of all tracks of other cameras is the right person, by the matcher's evidence alone. Called by main.ts.
import { createEvidence } from '../../functions/match/core/evidence.ts';
import { linksOf } from '../../functions/match/core/links.ts';
import { newTrace, revise } from '../../functions/match/core/revise.ts';
import { createSimilarities } from '../../functions/match/core/similarity.ts';
import { conflict, continuity } from '../../functions/match/core/stays.ts';
import { byFirstSeen, traceKey, type Trace } from '../../functions/match/core/trace.ts';
import { createWays } from '../../functions/match/core/ways.ts';
import type { Identities } from '../matching/scores.ts';
import type { Stage } from './ablation.ts';
import type { IdentitySet } from './sets.ts';

/** @param found identities that ways are learned from; NaN when nobody is in two cameras */
export function rankOne(
  { recording, topology, people }: IdentitySet,
  stage: Stage,
  found: Identities,
): number {
  const { settings } = stage;
  const traces = tracesOf(stage.ground ? recording : { ...recording, ground: new Map() });
  const similarities = createSimilarities(settings, traces.length);
  similarities.update(traces, true);
  const odds = similarities.odds(traces);
  const ways = createWays(recording.cameras.length, settings);
  ways.learn(linksOf(groupsOf(traces, found), similarities, settings));
  const evidence = createEvidence(topology, ways, settings);
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

function tracesOf({ arrivals, ground }: IdentitySet['recording']): Trace[] {
  const traces = new Map<string, Trace>();
  for (const { data } of arrivals) {
    const { camera, model, image } = data;
    for (const tracklet of data.tracklets) {
      const revision = { camera, model, image, tracklet };
      const key = traceKey(camera, tracklet.track);
      const trace = traces.get(key) ?? newTrace(revision);
      traces.set(key, trace);
      revise(trace, revision, ground?.get(camera));
    }
  }
  return [...traces.values()]
    .filter(({ appearances }) => appearances.some((appearance) => appearance !== undefined))
    .sort(byFirstSeen);
}

function groupsOf(traces: readonly Trace[], found: Identities): Iterable<Trace[]> {
  const groups = new Map<string, Trace[]>();
  for (const trace of traces) {
    const identity = found.get(traceKey(trace.camera, trace.track));
    if (identity !== undefined) groups.set(identity, [...(groups.get(identity) ?? []), trace]);
  }
  return groups.values();
}
