// Feeds a recording to the matcher as the match worker would: in the order of media time, with looks around while nothing comes.
// Called by ../identity and ../accuracy.
import type { IdentityChange } from '../../config/events.ts';
import { createMatcher, type SiteReport } from '../../functions/match/core/matcher.ts';
import type { MatchSettings } from '../../functions/match/core/settings.ts';
import type { GivenTopology } from '../../functions/match/core/stays.ts';
import { follow } from './follow.ts';
import type { Recording } from './recording.ts';

export interface Outcome {
  /** As known at the end of the streams, before the final grouping. */
  live: Map<string, string>;
  /** After the final grouping. */
  final: Map<string, string>;
  msPerTracklet: number;
  /** Media seconds from the first sight of each track to its first identity. */
  delaysS: number[];
  /** What the matcher found out about the site. */
  report: SiteReport;
}

/** The worker looks around so often while nothing comes, and waits so long for a camera that says nothing. */
const idleS = 1;
const patienceS = 3;
/** Silence in which everything is decided that will be. */
const silenceS = 8;

/** Media time stands for the wall's: events come when what they tell has just happened. */
export function replay(recording: Recording, settings: MatchSettings, topology: GivenTopology): Outcome {
  const matcher = createMatcher(recording.cameras, settings, topology, recording.ground);
  const started = performance.now();
  const changes: IdentityChange[] = [];
  const firstSeen = new Map<string, number>();
  const delaysS: number[] = [];
  const start = recording.arrivals[0]?.time ?? 0;
  const heard = new Map(recording.cameras.map((camera) => [camera, start]));
  let [count, now] = [0, start];

  function listen(): void {
    for (const change of matcher.takeDelta().changes) {
      changes.push(change);
      if (change.kind === 'assigned') delaysS.push(now - firstSeen.get(`${change.camera}/${change.track}`)!);
    }
  }

  function stalled(): Set<string> {
    return new Set([...heard].flatMap(([camera, at]) => (now - at > patienceS ? camera : [])));
  }

  function lookAround(): void {
    const before = matcher.waiting();
    matcher.advance(stalled());
    if (matcher.waiting() === before || matcher.waiting() === 0) matcher.settle(now);
    listen();
  }

  function waitUntil(time: number): void {
    const last = Math.min(time, now + silenceS);
    for (now += idleS; now < last; now += idleS) lookAround();
    now = time;
  }

  for (const { time, data } of recording.arrivals) {
    waitUntil(time);
    heard.set(data.camera, time);
    for (const tracklet of data.tracklets) {
      count += 1;
      firstSeen.set(`${data.camera}/${tracklet.track}`, tracklet.from);
      matcher.offer({ camera: data.camera, model: data.model, image: data.image, tracklet }, time);
    }
    matcher.advance(stalled());
    listen();
  }
  for (const camera of recording.cameras) matcher.endCamera(camera);
  lookAround();
  lookAround();
  const live = follow(changes);
  matcher.finish();
  listen();
  const msPerTracklet = (performance.now() - started) / count;
  return { live, final: follow(changes), msPerTracklet, delaysS, report: matcher.report() };
}
