// Contacts through the match stage: told about people, not tracks; kept over a restart; read back as of now.
import { afterEach, expect, test } from '@jest/globals';
import type { ContactChange, IdentitiesData, StageEvent, Tracklet } from '../../../config/events.ts';
import { defaultSettings } from '../../../functions/match/core/settings.ts';
import { readContacts, readIdentities } from '../../../functions/match/export.ts';
import { createMatch, type MatchFunction } from '../../../functions/match/handler.ts';
import { contactOptions } from '../../../functions/match/options.ts';
import { openStore, type Store } from '../../../functions/match/store.ts';
import { onEachEngine } from '../../support/stores.ts';
import { endedEvent, start, testContext, trackletsEvent } from './world.ts';

const cameraIds = ['door', 'hall'];
/** The picture of 640 x 480 is 6.4 m x 4.8 m of the ground, for both cameras. */
const plan = [0.01, 0, 0, 0, 0.01, 0, 0, 0, 1];
const cameras = cameraIds.map((id) => ({
  id,
  source: { type: 'File' as const, realtime: false, transport: 'TCP' as const },
  homography: plan,
}));

onEachEngine((engine) => {
  const opened: Store[] = [];
  afterEach(() => {
    for (const store of opened.splice(0)) store.close();
  });

  function openMatch(): MatchFunction {
    const store = openStore(engine.place);
    opened.push(store);
    return createMatch({
      batching: { maxEvents: 1, maxWaitMs: 0 },
      store,
      settings: { ...defaultSettings, threshold: 0.5 },
      topology: { overlap: () => true, travel: () => undefined },
      cameras,
      contacts: contactOptions({ method: 'GroundPlane', distanceM: 1.8, minimumS: 3 }, cameras),
      task: { name: 'task', namespace: 'default' },
      worker: 'cloud',
    });
  }

  /** Looks of people: one-hot, so that nobody is like anybody else. */
  function look(person: number): Int8Array {
    const vector = new Int8Array(32);
    vector[person] = 127;
    return vector;
  }

  /** A person who stands at one place for `seconds`, told every five seconds. */
  function standing(camera: string, track: string, person: number, x: number, seconds: number): StageEvent[] {
    const events: StageEvent[] = [];
    for (let to = 5; to <= seconds; to += 5) {
      const points = [1, 2, 3, 4, 5].flatMap((step) => [to - 5 + step, x / 6.4, 0.5, 0.05, 0.3]);
      const tracklet: Tracklet = {
        track,
        phase: to >= seconds ? 'end' : to === 5 ? 'start' : 'update',
        revision: to / 5,
        from: start,
        to: start + to,
        observations: to,
        path: Float32Array.from(points),
        prototypes: [
          { slot: 0, vector: look(person), scale: 1 / 127, quality: 0.9, time: start + to, weight: to },
        ],
      };
      events.push(trackletsEvent(camera, `${track}-${to}`, start + to, [tracklet]));
    }
    return events;
  }

  /** Two people one metre apart, seen by both cameras, and a third far away. */
  function scene(): StageEvent[] {
    const events = [
      ...standing('door', 'a1', 1, 1, 30),
      ...standing('hall', 'a2', 1, 1.1, 30),
      ...standing('door', 'b1', 2, 2, 30),
      ...standing('hall', 'b2', 2, 2.1, 30),
      ...standing('door', 'c1', 3, 6, 30),
    ];
    return [...events.sort((x, y) => x.time!.localeCompare(y.time!)), ...cameraIds.map(endedEvent)];
  }

  async function feed(match: MatchFunction, events: StageEvent[]): Promise<ContactChange[]> {
    const contacts: ContactChange[] = [];
    for (const event of events) {
      const out = (await match.handle(event, testContext())) as StageEvent<IdentitiesData> | undefined;
      for (const change of out?.data.changes ?? []) if (change.kind === 'contact') contacts.push(change);
    }
    return contacts;
  }

  function nameOf(track: string): string {
    return readIdentities(engine.place).find(({ tracks }) => tracks.some((each) => each.track === track))!
      .identity;
  }

  test('people are told, a person beside their own second view is not', async () => {
    const told = await feed(openMatch(), scene());
    const names = [nameOf('a1'), nameOf('b1')].sort();
    expect(nameOf('a2')).toBe(nameOf('a1'));
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter(({ identity, other }) => identity === other)).toEqual([]);
    for (const { identity, other } of told) expect([identity, other].sort()).toEqual(names);
    const [contact, ...others] = readContacts(engine.place, 3);
    expect(others).toEqual([]);
    expect(contact!.identities).toEqual(names);
    expect(contact!.times.length).toBe(1);
    expect(contact!.times[0]!.distanceM).toBeCloseTo(0.9, 3);
    expect(contact!.exposureS).toBeGreaterThan(27);
    expect(contact!.exposureS).toBeLessThanOrEqual(30);
    expect(readContacts(engine.place, 60)).toEqual([]);
  });

  test('a killed matcher counts no moment twice and loses none', async () => {
    const events = scene();
    await feed(openMatch(), events);
    const whole = readContacts(engine.place, 3);
    for (const cut of [7, 12, 20]) {
      for (const store of opened.splice(0)) store.close();
      engine.renew();
      await feed(openMatch(), events.slice(0, cut));
      await feed(openMatch(), events.slice(cut));
      expect([cut, readContacts(engine.place, 3)]).toEqual([cut, whole]);
    }
  });
});
