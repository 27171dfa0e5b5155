// Invariants of the matcher: what must hold for any people, cameras and order of arrival.
import { expect, test } from '@jest/globals';
import type { IdentityChange, StageEvent, StreamData, TrackletsData } from '../../../../config/events.ts';
import { createMatcher, type Matcher } from '../../../../functions/match/core/matcher.ts';
import { defaultSettings, type MatchSettings } from '../../../../functions/match/core/settings.ts';
import type { GivenTopology } from '../../../../functions/match/core/stays.ts';
import { follow } from '../../../../bench/matching/follow.ts';
import { interleave, makeWorld, pairScores, random, type World } from '../world.ts';

const apart: GivenTopology = { overlap: () => false, travel: () => undefined };

function run(world: World, events: StageEvent[], settings: Partial<MatchSettings> = {}, topology = apart) {
  const matcher = createMatcher(world.cameras, { ...defaultSettings, ...settings }, topology);
  const changes: IdentityChange[] = [];
  let most = 0;
  for (const event of events) {
    feed(matcher, event);
    most = Math.max(most, matcher.traces());
    changes.push(...matcher.takeDelta().changes);
  }
  matcher.finish();
  changes.push(...matcher.takeDelta().changes);
  return { belief: follow(changes), changes, most };
}

function feed(matcher: Matcher, event: StageEvent): void {
  const data = event.data as TrackletsData | StreamData;
  if ('tracklets' in data) {
    for (const tracklet of data.tracklets) {
      const { camera, model } = data;
      matcher.offer(
        { camera, model, image: { width: 640, height: 480 }, tracklet },
        Date.parse(event.time!) / 1000,
      );
    }
  } else matcher.endCamera(data.camera);
  matcher.advance(new Set());
}

const entries = (belief: Map<string, string>) => [...belief].sort();

/** Last revision of each track: camera, from, to. */
function tracksOf(world: World) {
  const found = new Map<string, { camera: string; from: number; to: number }>();
  for (const event of [...world.lines.values()].flat()) {
    const data = event.data as TrackletsData | StreamData;
    if (!('tracklets' in data)) continue;
    for (const { track, from, to } of data.tracklets)
      found.set(`${data.camera}/${track}`, { camera: data.camera, from, to });
  }
  return found;
}

test.each([
  [0.2, {}],
  [0.6, {}],
  [0.6, { regroupBelow: 0 }],
  [1, { regroupBelow: 0, regroupS: 60 }],
])('any interleaving of cameras ends with the same identities (noise %d, %j)', (noise, settings) => {
  const world = makeWorld(Math.round(noise * 100), 14, 4, noise);
  const next = random(99);
  const expected = entries(run(world, interleave(world, next, 0), settings).belief);
  expect(expected).toHaveLength(world.truth.size);
  for (let i = 0; i < 12; i++) {
    expect(entries(run(world, interleave(world, next, i), settings).belief)).toEqual(expected);
  }
  const cameraByCamera = world.cameras.flatMap((camera) => world.lines.get(camera)!);
  expect(entries(run(world, cameraByCamera, settings).belief)).toEqual(expected);
  // Even when hardly anything may wait, so that live decisions differ, the last grouping is the same.
  expect(entries(run(world, cameraByCamera, { ...settings, maxWaiting: 3 }).belief)).toEqual(expected);
});

test('decisions do not depend on the interleaving while every camera goes on', () => {
  const world = makeWorld(21, 14, 3, 0.6);
  const next = random(5);
  const expected = run(world, interleave(world, next, 0)).changes;
  for (let i = 1; i < 8; i++) expect(run(world, interleave(world, next, i)).changes).toEqual(expected);
});

test.each([1, 2, 3, 4])(
  'nobody is twice in one camera at once, nor in two cameras that do not overlap (world %d)',
  (seed) => {
    const world = makeWorld(seed, 20, 3, 1.2);
    const tracks = tracksOf(world);
    const { belief } = run(world, interleave(world, random(seed), 1), { threshold: -0.5, margin: 0 });
    const groups = new Map<string, { camera: string; from: number; to: number }[]>();
    for (const [key, identity] of belief)
      groups.set(identity, [...(groups.get(identity) ?? []), tracks.get(key)!]);
    expect(groups.size).toBeLessThan(world.truth.size / 2);
    for (const stays of groups.values()) {
      for (const [i, a] of stays.entries()) {
        for (const b of stays.slice(i + 1)) {
          const shared = Math.min(a.to, b.to) - Math.max(a.from, b.from);
          expect(shared).toBeLessThanOrEqual(a.camera === b.camera ? 0 : defaultSettings.handoverS);
        }
      }
    }
  },
);

test('one person is found again on other cameras, and not across cameras when that is not wanted', () => {
  const world = makeWorld(8, 15, 3, 0.4);
  const events = interleave(world, random(1), 0);
  const { precision, recall } = pairScores(run(world, events).belief, world.truth);
  expect(precision).toBeGreaterThan(0.95);
  expect(recall).toBeGreaterThan(0.9);
  const { belief } = run(world, events, { acrossCamera: false });
  const cameras = new Map<string, Set<string>>();
  for (const [key, identity] of belief) {
    cameras.set(identity, (cameras.get(identity) ?? new Set()).add(key.split('/')[0]!));
  }
  expect([...cameras.values()].every((each) => each.size === 1)).toBe(true);
});

test('a journey faster than its travel time is two people', () => {
  const world = makeWorld(8, 15, 3, 0.2);
  const slow: GivenTopology = { ...apart, travel: () => ({ minS: 1000, maxS: 2000 }) };
  const tracks = tracksOf(world);
  const { belief } = run(world, interleave(world, random(1), 0), {}, slow);
  const groups = new Map<string, Set<string>>();
  for (const [key, identity] of belief) {
    groups.set(identity, (groups.get(identity) ?? new Set()).add(tracks.get(key)!.camera));
  }
  expect([...groups.values()].every((cameras) => cameras.size === 1)).toBe(true);
});

test('vectors of different models are never compared', () => {
  const world = makeWorld(8, 6, 2, 0.1);
  for (const event of world.lines.get('camera-1')!) {
    if ('tracklets' in (event.data as object)) (event.data as TrackletsData).model = 'another digest';
  }
  const { belief } = run(world, interleave(world, random(1), 0));
  const models = new Map<string, Set<string>>();
  for (const [key, identity] of belief) {
    models.set(identity, (models.get(identity) ?? new Set()).add(key.split('/')[0]!));
  }
  expect([...models.values()].every((cameras) => cameras.size === 1)).toBe(true);
});

test('memory stays bounded, and what left it keeps its identity', () => {
  const world = makeWorld(4, 120, 3, 0.3);
  const { belief, most } = run(world, interleave(world, random(1), 0), { maxTraces: 60 });
  expect(most).toBeLessThanOrEqual(60);
  expect(belief.size).toBe(world.truth.size);
  const { precision, recall } = pairScores(belief, world.truth);
  expect(precision).toBeGreaterThan(0.9);
  expect(recall).toBeGreaterThan(0.8);
});

test('nothing is announced before enough revisions agree, and everything at the deadline', () => {
  const world = makeWorld(2, 1, 1, 0.1);
  const [first, second] = world.lines.get('camera-0')! as StageEvent<TrackletsData>[];
  const matcher = createMatcher(world.cameras, { ...defaultSettings, votes: 2, deadlineS: 1e6 }, apart);
  feed(matcher, first!);
  matcher.settle();
  expect(matcher.takeDelta().changes).toEqual([]);
  feed(matcher, second!);
  matcher.settle();
  expect(matcher.takeDelta().changes).toMatchObject([{ kind: 'assigned', isNew: true }]);
});

test('the deadline passes also when nothing more comes', () => {
  const world = makeWorld(2, 1, 1, 0.1);
  const [first] = world.lines.get('camera-0')! as StageEvent<TrackletsData>[];
  const { from } = first!.data.tracklets[0]!;
  const matcher = createMatcher(world.cameras, { ...defaultSettings, votes: 9, deadlineS: 4 }, apart);
  feed(matcher, first!);
  matcher.settle(from + 3);
  expect(matcher.takeDelta().changes).toEqual([]);
  matcher.settle(from + 4);
  expect(matcher.takeDelta().changes).toMatchObject([{ kind: 'assigned', time: from + 4 }]);
});
