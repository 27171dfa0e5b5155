// One line of the benchmark's tables: what a way of matching reaches on a set. Called by main.ts; tables.ts makes documents of them.
import { matchAlone, matchNearest, matchOffline } from '../matching/matchers.ts';
import { replay } from '../matching/replay.ts';
import type { Identities, Scores } from '../matching/scores.ts';
import type { MatchSettings } from '../../functions/match/core/settings.ts';
import type { SiteReport } from '../../functions/match/core/matcher.ts';
import { stagesOf, type Stage } from './ablation.ts';
import { believe, type Believed } from './believed.ts';
import { rankOne } from './rankOne.ts';
import { joinsOf, type Join } from './reliability.ts';
import type { IdentitySet } from './sets.ts';

export interface Row {
  embedder: string;
  set: string;
  stride: number;
  method: string;
  scores: Scores;
  rankOne?: number;
  msPerTracklet?: number;
  delaysS?: number[];
  joins?: Join[];
  report?: SiteReport;
  /** What pictures are drawn of. */
  drawn?: { believed: Believed; found: Identities; people: ReadonlyMap<string, string> };
}

export const methods = {
  alone: 'cameras alone',
  nearest: 'nearest',
  offline: 'offline',
  live: 'ours, live',
  ours: 'ours',
  perfect: 'perfect tracks joined',
} as const;

/** The plain ways, ours, and what nobody can exceed with these tracks. */
export function* compare(set: IdentitySet, settings: MatchSettings, embedder: string): Generator<Row> {
  const { recording, score, people } = set;
  const row = rowOf(set, embedder);
  yield row(methods.alone, matchAlone(recording));
  yield row(methods.nearest, matchNearest(recording, settings.threshold));
  yield row(methods.offline, matchOffline(recording, settings.threshold));
  yield { ...row(methods.perfect, people), scores: score(people) };
  yield* runOf(set, { name: '', ground: true, settings: ownSettings(set, settings) }, embedder);
}

/** The parts added one after the other, as known while it runs. */
export function* ablate(set: IdentitySet, settings: MatchSettings, embedder: string): Generator<Row> {
  for (const stage of stagesOf(ownSettings(set, settings))) {
    const [live] = [...runOf(set, stage, embedder)];
    yield { ...live!, method: stage.name };
  }
}

/** Where truth counts visits, so do we. */
export function ownSettings(set: IdentitySet, settings: MatchSettings): MatchSettings {
  return set.visitS === undefined ? settings : { ...settings, maxAbsenceS: set.visitS };
}

function* runOf(set: IdentitySet, { ground, settings }: Stage, embedder: string): Generator<Row> {
  const { ground: _, ...withoutGround } = set.recording;
  const recording = ground ? set.recording : withoutGround;
  const { live, final, msPerTracklet, delaysS, report } = replay(recording, settings, set.topology);
  const believed = believe(recording, settings, set.topology, final);
  const row = rowOf(set, embedder);
  const rank = rankOne(believed, set.people, settings);
  yield { ...row(methods.live, live), rankOne: rank, msPerTracklet, delaysS, report };
  const joins = joinsOf(believed, set.people, settings);
  yield { ...row(methods.ours, final), joins, drawn: { believed, found: final, people: set.people } };
}

function rowOf({ name, stride, score }: IdentitySet, embedder: string) {
  return (method: string, identities: Identities): Row => ({
    embedder,
    set: name,
    stride,
    method,
    scores: score(identities),
  });
}
