// What the matcher believes about a finished recording, opened for looking at: traces, similarities, time and place. Called by
// rankOne.ts and reliability.ts.
import { createEvidence } from '../../functions/match/core/evidence.ts';
import { linksOf } from '../../functions/match/core/links.ts';
import { newTrace, revise } from '../../functions/match/core/revise.ts';
import type { MatchSettings } from '../../functions/match/core/settings.ts';
import { createSimilarities, type Similarities } from '../../functions/match/core/similarity.ts';
import type { GivenTopology, Topology } from '../../functions/match/core/stays.ts';
import { byFirstSeen, traceKey, type Trace } from '../../functions/match/core/trace.ts';
import { createWays } from '../../functions/match/core/ways.ts';
import type { Recording } from '../matching/recording.ts';
import type { Identities } from '../matching/scores.ts';

export interface Believed {
  /** Those with an appearance, in canonical order. */
  traces: Trace[];
  similarities: Similarities;
  evidence: Topology;
}

/** @param found identities that ways are learned from */
export function believe(
  recording: Recording,
  settings: MatchSettings,
  topology: GivenTopology,
  found: Identities,
): Believed {
  const traces = tracesOf(recording);
  const similarities = createSimilarities(settings, traces.length);
  similarities.update(traces, true);
  const ways = createWays(recording.cameras.length, settings);
  ways.learn(linksOf(groupsOf(traces, found), similarities, settings));
  return { traces, similarities, evidence: createEvidence(topology, ways, settings) };
}

function tracesOf({ arrivals, ground }: Recording): Trace[] {
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
