// Targets through the match stage: sightings as events and in the store, told once, also over a restart.
import { afterEach, expect, test } from '@jest/globals';
import type { IdentitiesData, IdentityChange, StageEvent, Tracklet } from '../../../config/events.ts';
import type { Target } from '../../../functions/match/core/targets.ts';
import { defaultSettings } from '../../../functions/match/core/settings.ts';
import { readIdentities, readSightings } from '../../../functions/match/export.ts';
import { createMatch, type MatchFunction } from '../../../functions/match/handler.ts';
import { createLookout } from '../../../functions/match/lookout.ts';
import { openStore, type Store } from '../../../functions/match/store.ts';
import { onEachEngine } from '../../support/stores.ts';
import { endedEvent, start, testContext, trackletsEvent } from './world.ts';

const cameras = ['door', 'hall'];
const settings = { threshold: 0.6, margin: 0.1, unknownBelow: 0.3, bestPairShare: 0.5 };

onEachEngine((engine) => {
  const opened: Store[] = [];
  afterEach(() => {
    for (const store of opened.splice(0)) store.close();
  });

  function look(person: number): Int8Array {
    const vector = new Int8Array(32);
    vector[person] = 127;
    return vector;
  }

  function targetOf(name: string, person: number): Target {
    return { name, model: 'digest', vectors: [Float32Array.from(look(person), (value) => value / 127)] };
  }

  /** What the pictures give can change while the match runs. */
  class Pictures {
    targets: Target[];
    problems: string[] = [];
    constructor(...targets: Target[]) {
      this.targets = targets;
    }
    load = async () => ({ targets: this.targets, problems: this.problems });
  }

  async function openMatch(pictures: Pictures, onlyTargets = false): Promise<MatchFunction> {
    const store = openStore(engine.place);
    opened.push(store);
    const known = { ...store.sightings(), unknownSeen: store.totals().unknownSeen };
    const match = createMatch({
      batching: { maxEvents: 1, maxWaitMs: 0 },
      store,
      settings: { ...defaultSettings, threshold: 0.5, votes: 1 },
      topology: { overlap: () => false, travel: () => undefined },
      cameras: cameras.map((id) => ({
        id,
        source: { type: 'File' as const, realtime: false, transport: 'TCP' as const },
      })),
      lookout: createLookout(pictures, settings, known),
      onlyTargets,
      task: { name: 'task', namespace: 'default' },
      worker: 'cloud',
    });
    await match.init!(testContext());
    return match;
  }

  /** A person in one camera for some seconds. */
  function visit(camera: string, track: string, person: number, from: number): StageEvent[] {
    return ['start', 'end'].map((phase, index) => {
      const to = from + 4 * (index + 1);
      const tracklet: Tracklet = {
        track,
        phase: phase as 'start' | 'end',
        revision: index + 1,
        from: start + from,
        to: start + to,
        observations: to - from,
        path: new Float32Array(0),
        prototypes: [
          { slot: 0, vector: look(person), scale: 1 / 127, quality: 0.9, time: start + to, weight: 1 },
        ],
      };
      return trackletsEvent(camera, `${track}-${phase}`, start + to, [tracklet]);
    });
  }

  const anna = targetOf('anna', 1);
  const scene = [
    ...visit('door', 'a1', 1, 0),
    ...visit('door', 'b1', 2, 10),
    ...visit('hall', 'a2', 1, 20),
    ...visit('hall', 'c1', 3, 40),
  ].sort((x, y) => x.time!.localeCompare(y.time!));

  async function feed(match: MatchFunction, events: StageEvent[]): Promise<IdentityChange[]> {
    const changes: IdentityChange[] = [];
    for (const event of events) {
      const out = (await match.handle(event, testContext())) as StageEvent<IdentitiesData> | undefined;
      if (out) changes.push(...out.data.changes);
    }
    return changes;
  }

  const sightedIn = (changes: IdentityChange[]) =>
    changes.flatMap((change) => (change.kind === 'sighted' ? [`${change.target} ${change.track}`] : []));

  test('a target is sighted in each of its tracks, with identity, score and reason; others are unknown', async () => {
    const match = await openMatch(new Pictures(anna, targetOf('bert', 9)));
    const changes = await feed(match, [...scene, ...cameras.map(endedEvent)]);
    expect(sightedIn(changes)).toEqual(['anna a1', 'anna a2']);
    const [first, second, ...others] = readSightings(engine.place);
    expect(others).toEqual([]);
    expect(first).toMatchObject({ target: 'anna', camera: 'door', track: 'a1', from: start, to: start + 8 });
    expect(first!.score).toBeCloseTo(1, 3);
    expect(first!.reason).toContain('the next, bert');
    expect(second!.identity).toBe(first!.identity);
    expect(match.status!().output?.taskInfo).toMatchObject({
      trackingObjectNumber: 3,
      findUnknownObject: true,
    });
    expect(match.status!().figures['targets']).toBe(1);
  });

  test('nobody is unknown while everybody is a target', async () => {
    const match = await openMatch(new Pictures(anna, targetOf('bert', 2), targetOf('carl', 3)));
    await feed(match, [...scene, ...cameras.map(endedEvent)]);
    expect(match.status!().output?.taskInfo?.findUnknownObject).toBe(false);
  });

  test('single object: nothing is told of anybody else, and only targets count', async () => {
    const match = await openMatch(new Pictures(anna), true);
    const changes = await feed(match, [...scene, ...cameras.map(endedEvent)]);
    const annas = readIdentities(engine.place).find(({ tracks }) =>
      tracks.some(({ track }) => track === 'a1'),
    )!;
    expect(sightedIn(changes)).toEqual(['anna a1', 'anna a2']);
    expect(new Set(changes.map(({ identity }) => identity))).toEqual(new Set([annas.identity]));
    expect(match.status!().output?.taskInfo).toMatchObject({
      trackingObjectNumber: 1,
      findUnknownObject: true,
    });
  });

  test('a restart tells no sighting twice and forgets none', async () => {
    for (let cut = 1; cut < scene.length; cut++) {
      for (const store of opened.splice(0)) store.close();
      engine.renew();
      const before = await feed(await openMatch(new Pictures(anna)), scene.slice(0, cut));
      const after = await openMatch(new Pictures(anna));
      const changes = [...before, ...(await feed(after, [...scene.slice(cut), ...cameras.map(endedEvent)]))];
      expect([cut, ...sightedIn(changes)]).toEqual([cut, 'anna a1', 'anna a2']);
      expect(after.status!().output?.taskInfo?.findUnknownObject).toBe(true);
    }
  });

  test('what is wrong with a picture is the message of the status, and the stage works on', async () => {
    const pictures = new Pictures(anna);
    pictures.problems = ['target bert, picture 1: x.jpg is not there'];
    const match = await openMatch(pictures);
    expect(match.status!().message).toBe('target bert, picture 1: x.jpg is not there');
    expect(sightedIn(await feed(match, scene))).toContain('anna a1');
  });
});
