// Gives identities to the tracks of all cameras of one task. The handler feeds it, stores what it touched, emits its changes.
// Revisions are applied in media time; at each tick all traces in memory are grouped anew and what differs is announced.
// The last grouping (`finish`) depends on the traces alone: any arrival order ends with the same identities.
import type { IdentityChange } from '../../../config/events.ts';
import { createArrival, type Arrival, type CameraClock, type Waiting } from './arrival.ts';
import { createCalibration, type CalibrationState, type ModelCalibration } from './calibration.ts';
import { changesOf, type Move } from './changes.ts';
import { cluster } from './cluster.ts';
import { createEvidence } from './evidence.ts';
import { createHealth, type HealthState } from './health.ts';
import { byIdentity, linksOf } from './links.ts';
import { identityName } from './names.ts';
import { evidenceFor } from './reasons.ts';
import { relieve } from './relief.ts';
import { newTrace, revise, type Revision } from './revise.ts';
import type { MatchSettings } from './settings.ts';
import { createSimilarities } from './similarity.ts';
import type { GivenTopology } from './stays.ts';
import { byFirstSeen, isOpen, sessionOf, traceKey, type Trace } from './trace.ts';
import { createWays, type Way, type WaysState } from './ways.ts';

/** What changed since it was last taken: to be stored in one transaction. */
export interface Delta {
  changes: IdentityChange[];
  /** Revisions that were applied. */
  applied: Waiting[];
  /** Traces that are new or differ. */
  touched: Trace[];
  /** Keys of traces that left the memory: condensed into another or retired. */
  removed: string[];
  /** What was learned from traces that left the memory, when that grew; of those in memory it is learned again. Also what is wrong. */
  learned: Learned | undefined;
}

/** What the site taught and no trace in memory tells any more. */
export interface Learned {
  calibration: CalibrationState;
  ways: WaysState;
  /** Absent in stores of earlier versions. */
  health?: HealthState;
}

/** What the matcher found out about the site, for people to look at. */
export interface SiteReport {
  calibration: ModelCalibration[];
  /** Most travelled first. */
  ways: Way[];
  /** What ways keep that nobody went, as a share of what is usual on any site. */
  wayFloor: number;
  /** One sentence for each thing that is wrong. */
  problems: string[];
}

export interface Matcher {
  /** Takes a revision that came at media time `time`; undefined when it was seen before. */
  offer(revision: Revision, time: number): Waiting | undefined;
  /** Newest revision of a track that was offered or is in memory; 0 when there is none. */
  revisionOf(camera: string, track: string): number;
  endCamera(camera: string, session?: string): void;
  /** Applies what may be applied; cameras in `stalled` are not waited for. */
  advance(stalled: ReadonlySet<string>): void;
  /** Groups once more without waiting for a later revision. @param time media time by now, where it is known */
  settle(time?: number): void;
  /** Everything has come: the final grouping. */
  finish(): void;
  /** Forgets who was last seen before media time `time`. */
  expire(time: number): void;
  takeDelta(): Delta;
  restore(traces: Trace[], clocks: Map<string, CameraClock>, waiting: Waiting[], past?: Learned): void;
  clock(camera: string): CameraClock;
  /** All that is in memory, by first appearance. */
  all(): readonly Trace[];
  /** The identity announced for a track in memory. */
  identityOf(camera: string, track: string): string | undefined;
  allEnded(): boolean;
  waiting(): number;
  traces(): number;
  /** Pairs of traces whose appearance was compared so far. */
  comparisons(): number;
  report(): SiteReport;
}

/** Ways of a site that are told. */
const mostWaysTold = 64;

/** @param homographies of the cameras that have one: pixels to metres of one ground plane, 3 x 3 row-major */
export function createMatcher(
  cameras: readonly string[],
  settings: MatchSettings,
  given: GivenTopology,
  homographies: ReadonlyMap<string, readonly number[]> = new Map(),
): Matcher {
  const arrival: Arrival = createArrival(cameras, settings.maxWaiting);
  const calibration = createCalibration(settings);
  const similarities = createSimilarities(settings, settings.maxTraces, (model) => calibration.shift(model));
  const ways = createWays(cameras.length, settings);
  const topology = createEvidence(given, ways, settings);
  const health = createHealth(settings);
  const traces = new Map<string, Trace>();
  /** The same traces by first appearance. */
  let sorted: Trace[] = [];
  const offered = new Map<string, number>();
  let delta: Delta = noDelta();
  const touched = new Set<Trace>();
  /** Of each camera, that of the newest track. */
  const sessions = new Map<string, string>();
  /** The first trace of the group that each trace was in at the last evaluation. */
  const leaders = new Map<Trace, Trace>();
  let regrouped = NaN;
  let learned = NaN;
  /** Applied since the last grouping from nothing. */
  let revisions = Infinity;
  let now = -Infinity;
  let pending = false;

  function apply(waiting: Waiting): void {
    const { revision } = waiting;
    const key = traceKey(revision.camera, revision.tracklet.track);
    let trace = traces.get(key);
    if (!trace) {
      if (traces.size >= settings.maxTraces) relieveMemory();
      trace = newTrace(revision);
      endEarlierSessions(trace);
      traces.set(key, trace);
      insert(trace);
    }
    revise(trace, revision, homographies.get(revision.camera));
    if (offered.get(key) === revision.tracklet.revision) offered.delete(key);
    touched.add(trace);
    delta.applied.push(waiting);
    pending = true;
    revisions += 1;
  }

  /** A tracker that begins anew follows nobody of before: whoever died could not say so. */
  function endEarlierSessions({ camera, track, from }: Trace): void {
    const session = sessionOf(track);
    if (sessions.get(camera) === session) return;
    sessions.set(camera, session);
    for (const trace of sorted) {
      const last = trace.stays[trace.stays.length - 1]!;
      if (!last.open || last.camera !== camera || last.to > from || sessionOf(trace.track) === session)
        continue;
      last.open = false;
      trace.dirty = true;
      touched.add(trace);
    }
  }

  function insert(trace: Trace): void {
    let at = sorted.length;
    while (at > 0 && byFirstSeen(trace, sorted[at - 1]!) < 0) at -= 1;
    sorted.splice(at, 0, trace);
  }

  function relieveMemory(): void {
    const { removed, changed } = relieve(sorted, settings, keepLearned);
    drop(removed);
    for (const trace of changed) {
      touched.add(trace);
      trace.dirty = true;
    }
  }

  /** What pairs taught of which one is about to leave the memory. */
  function keepLearned(leaving: ReadonlySet<Trace>): void {
    if (leaving.size === 0) return;
    calibration.retire(sorted, leaving, similarities);
    const leaves = (a: Trace, b: Trace) => leaving.has(a) || leaving.has(b);
    ways.retire(linksOf(byIdentity(sorted), similarities, settings, leaves));
    noteLearned();
  }

  function noteLearned(): void {
    delta.learned = { calibration: calibration.state(), ways: ways.state(), health: health.state() };
  }

  function drop(removed: readonly Trace[]): void {
    const gone = new Set(removed);
    for (const trace of removed) {
      const key = traceKey(trace.camera, trace.track);
      traces.delete(key);
      delta.removed.push(key);
      touched.delete(trace);
      similarities.forget(trace);
      leaders.delete(trace);
    }
    sorted = sorted.filter((trace) => !gone.has(trace));
  }

  /** Groups all traces and announces what differs from before, at media time `time`. */
  function evaluate(final: boolean, time: number): void {
    if (!pending && !final) return;
    pending = false;
    for (const trace of sorted) {
      const last = trace.stays[trace.stays.length - 1]!;
      if (last.open && (final || trace.to < now - settings.staleS)) {
        last.open = false;
        touched.add(trace);
      }
    }
    const afresh = isDueAfresh(final);
    similarities.update(sorted, final);
    const first = group(afresh, final);
    sorted.forEach((trace, i) => leaders.set(trace, sorted[first[i]!]!));
    const names = sorted.map((_, i) => identityName(sorted[first[i]!]!.camera, sorted[first[i]!]!.track));
    const groups = new Map<string, Trace[]>();
    sorted.forEach((trace, i) => {
      const group = groups.get(names[i]!);
      if (group) group.push(trace);
      else groups.set(names[i]!, [trace]);
    });
    const moves: Move[] = [];
    sorted.forEach((trace, i) => {
      const after = names[i]!;
      vote(trace, after);
      if (trace.identity === undefined && !final && !ripe(trace, time)) {
        // Its deadline passes also when nothing more comes.
        pending = true;
        return;
      }
      const { camera, track, identity: before } = trace;
      const evidence =
        before === after
          ? { score: null, margin: null, reason: '' }
          : evidenceFor(trace, after, groups, similarities, topology, settings);
      moves.push({ camera, track, before, after, evidence });
      if (before !== after) {
        trace.identity = after;
        touched.add(trace);
      }
    });
    delta.changes.push(...changesOf(moves, time));
  }

  /** For each trace the index of the first trace of its group. */
  function group(afresh: boolean, final: boolean): Int32Array {
    const alone = Int32Array.from(sorted, (_, i) => i);
    learn(final);
    if (!afresh) return cluster(sorted, similarities.odds(sorted), earlierGroups(alone), topology, settings);
    const first = cluster(sorted, similarities.odds(sorted), alone, topology, settings);
    if (!final) return first;
    const groups = new Map<number, Trace[]>();
    sorted.forEach((trace, i) => {
      const members = groups.get(first[i]!);
      if (members) members.push(trace);
      else groups.set(first[i]!, [trace]);
    });
    const links = linksOf(groups.values(), similarities, settings);
    if (links.length === 0) return first;
    ways.learn(links);
    return cluster(sorted, similarities.odds(sorted), alone, topology, settings);
  }

  /** What the site teaches, each time that a new period begins and at the end. */
  function learn(final: boolean): void {
    const period = Math.floor(now / settings.learnS);
    if (period === learned && !final) return;
    learned = period;
    calibration.learn(sorted, similarities);
    const before = health.problems().join();
    health.judge(sorted, similarities);
    if (health.problems().join() !== before) noteLearned();
    // The last grouping must not depend on earlier ones: it learns from a grouping of its own.
    ways.learn(final ? [] : linksOf(byIdentity(sorted), similarities, settings));
  }

  /** From nothing when there is little to group, at times, and at the end; else only what changed is grouped again. */
  function isDueAfresh(final: boolean): boolean {
    const period = Math.floor(now / settings.regroupS);
    const due = period !== regrouped && revisions * settings.regroupShare >= sorted.length;
    if (!final && sorted.length > settings.regroupBelow && !due) return false;
    regrouped = period;
    revisions = 0;
    return true;
  }

  function earlierGroups(alone: Int32Array): Int32Array {
    const firsts = new Map<Trace, number>();
    return alone.map((i) => {
      const leader = sorted[i]!.dirty ? undefined : leaders.get(sorted[i]!);
      if (!leader) return i;
      if (!firsts.has(leader)) firsts.set(leader, i);
      return firsts.get(leader)!;
    });
  }

  function vote(trace: Trace, decision: string): void {
    if (!trace.news) return;
    trace.news = false;
    trace.votes = trace.votedFor === decision ? trace.votes + 1 : 1;
    trace.votedFor = decision;
    touched.add(trace);
  }

  function ripe(trace: Trace, time: number): boolean {
    return !isOpen(trace) || trace.votes >= settings.votes || time - trace.from >= settings.deadlineS;
  }

  function revisionOf(key: string): number {
    return Math.max(offered.get(key) ?? 0, traces.get(key)?.revision ?? 0);
  }

  return {
    revisionOf: (camera, track) => revisionOf(traceKey(camera, track)),
    offer(revision, time) {
      const { camera, tracklet } = revision;
      const key = traceKey(camera, tracklet.track);
      if (tracklet.revision <= revisionOf(key)) return undefined;
      offered.set(key, tracklet.revision);
      return arrival.put(revision, time);
    },
    endCamera: (camera, session) => arrival.end(camera, session),
    advance(stalled) {
      for (let next = arrival.next(stalled); next; next = arrival.next(stalled)) {
        const tick = Math.floor(next.turn / settings.tickS);
        if (tick > Math.floor(now / settings.tickS)) evaluate(false, tick * settings.tickS);
        now = Math.max(now, next.turn);
        apply(next);
      }
    },
    settle: (time = now) => evaluate(false, Math.max(now, time)),
    finish: () => evaluate(true, now),
    expire(time) {
      const leaving = sorted.filter((trace) => trace.to < time);
      keepLearned(new Set(leaving));
      drop(leaving);
    },
    takeDelta() {
      const taken = { ...delta, touched: [...touched] };
      delta = noDelta();
      touched.clear();
      return taken;
    },
    restore(restored, clocks, waiting, past) {
      if (past) {
        calibration.restore(past.calibration);
        ways.restore(past.ways);
        health.restore(past.health ?? []);
      }
      for (const trace of restored) {
        traces.set(traceKey(trace.camera, trace.track), trace);
        trace.dirty = true;
      }
      sorted = [...traces.values()].sort(byFirstSeen);
      for (const [camera, clock] of clocks) {
        arrival.restore(
          camera,
          clock,
          waiting.filter((each) => each.revision.camera === camera),
        );
        now = Math.max(now, ...restored.map((trace) => trace.to));
      }
      for (const { revision } of waiting) {
        const key = traceKey(revision.camera, revision.tracklet.track);
        offered.set(key, Math.max(offered.get(key) ?? 0, revision.tracklet.revision));
      }
      pending = restored.length > 0;
      if (!pending && !past) return;
      // What is reported is known at once, also where no camera has anything to say any more.
      similarities.update(sorted, false);
      learn(false);
    },
    clock: (camera) => arrival.clock(camera),
    all: () => sorted,
    identityOf: (camera, track) => traces.get(traceKey(camera, track))?.identity,
    allEnded: () => arrival.ended(),
    waiting: () => arrival.size(),
    traces: () => traces.size,
    comparisons: () => similarities.comparisons(),
    report: () => ({
      calibration: calibration.report(similarities),
      ways: ways.report(mostWaysTold),
      wayFloor: settings.wayFloorShare,
      problems: health.problems(),
    }),
  };
}

function noDelta(): Delta {
  return { changes: [], applied: [], touched: [], removed: [], learned: undefined };
}
