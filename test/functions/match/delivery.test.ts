// What match makes of deliveries as networks give them: repeated, out of order, with holes, and after a kill.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { IdentitiesData, StageEvent, Tracklet } from '../../../config/events.ts';
import { TransientError } from '../../../functions/function.ts';
import { defaultSettings } from '../../../functions/match/core/settings.ts';
import { createMatch, type MatchFunction } from '../../../functions/match/handler.ts';
import { readIdentities } from '../../../functions/match/export.ts';
import { openStore, type Store } from '../../../functions/match/store.ts';
import { onEachEngine } from '../../support/stores.ts';
import { endedEvent, interleave, makeWorld, random, start, testContext, trackletsEvent } from './world.ts';

onEachEngine((engine) => {
  let opened: Store[];

  beforeEach(() => {
    opened = [];
  });
  afterEach(() => {
    for (const store of opened.splice(0)) store.close();
  });

  const patience = { patienceMs: 3000, restMs: 60_000 };

  /** A match process; a second one beside it is what a kill of the first looks like to the store. */
  function openMatch(cameras: string[], type: 'File' | 'RTSP' = 'File'): MatchFunction {
    const store = openStore(engine.place);
    opened.push(store);
    return createMatch({
      batching: { maxEvents: 1, maxWaitMs: 0 },
      store,
      settings: { ...defaultSettings, threshold: 0.5 },
      topology: { overlap: () => false, travel: () => undefined },
      cameras: cameras.map((id) => ({ id, source: { type, realtime: false, transport: 'TCP' } })),
      task: { name: 'task', namespace: 'default' },
      worker: 'cloud',
      patience,
    });
  }

  const stored = () =>
    readIdentities(engine.place)
      .flatMap(({ identity, tracks }) => tracks.map(({ camera, track }) => [`${camera}/${track}`, identity]))
      .sort();

  function endedTracks(): Record<string, number> {
    const rows = engine.rows<{ track: string; ended: number }>('SELECT track, ended FROM tracks');
    return Object.fromEntries(rows.map(({ track, ended }) => [track, ended]));
  }

  const look = makeWorld(1, 1, 1, 0.1).lines.get('camera-0')![0]!.data as { tracklets: Tracklet[] };

  function revision(
    track: string,
    number: number,
    phase: Tracklet['phase'] = 'update',
    at = number,
  ): StageEvent {
    const tracklet = { ...look.tracklets[0]!, track, revision: number, phase, from: start, to: start + at };
    return trackletsEvent('camera-0', `${track}-${number}`, start + at, [tracklet]);
  }

  /** Delivers as a sender does that repeats what is not taken, up to `window` events out of order, some of them twice. */
  async function deliver(match: MatchFunction, events: StageEvent[], seed: number, window: number) {
    const next = random(seed);
    const context = testContext();
    const queue = [...events];
    while (queue.length > 0) {
      const [event] = queue.splice(Math.floor(next() * Math.min(window, queue.length)), 1) as [StageEvent];
      try {
        await match.handle(event, context);
        if (next() < 0.2) queue.splice(Math.floor(next() * Math.min(window, queue.length + 1)), 0, event);
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        queue.splice(Math.min(window, queue.length), 0, event);
      }
      context.clockMs += 50;
    }
  }

  test.each([1, 2, 3, 4, 5])(
    'repeated and out of order, seed %d: the same identities as in order',
    async (seed) => {
      const world = makeWorld(20 + seed, 10, 3, 0.4);
      const events = interleave(world, random(seed), 0.5);
      const calm = openMatch(world.cameras);
      for (const event of events) await calm.handle(event, testContext());
      const expected = stored();
      for (const store of opened.splice(0)) store.close();
      engine.renew();

      // The ends of the streams stay last: a sender knows of them only when all else is stored.
      const ends = events.filter(({ id }) => id === 'ended');
      const match = openMatch(world.cameras);
      await deliver(
        match,
        events.filter(({ id }) => id !== 'ended'),
        seed,
        6,
      );
      for (const event of ends) await match.handle(event, testContext());
      expect(stored()).toEqual(expected);
      expect(match.status!().figures['gaps']).toBe(0);
    },
  );

  test('a revision whose predecessor is missing waits for it', async () => {
    const match = openMatch(['camera-0']);
    const context = testContext();
    await match.handle(revision('s.1', 1, 'start'), context);
    await expect(match.handle(revision('s.1', 3), context)).rejects.toThrow(
      'camera camera-0: revision 2 of track s.1 has not come yet',
    );
    context.clockMs += 1000;
    await match.handle(revision('s.1', 2), context);
    await match.handle(revision('s.1', 3), context);
    expect(match.status!().figures).toMatchObject({ tracklets: 3, gaps: 0 });
  });

  test('a revision that never comes is not waited for for ever, and those after it not at all', async () => {
    const match = openMatch(['camera-0']);
    const context = testContext();
    const isTaken = (event: StageEvent) =>
      match.handle(event, context).then(
        () => true,
        () => false,
      );
    await match.handle(revision('s.1', 1, 'start'), context);
    expect(await isTaken(revision('s.1', 3))).toBe(false);
    context.clockMs += 2900;
    expect(await isTaken(revision('s.1', 3))).toBe(false);
    context.clockMs += 200;
    expect(await isTaken(revision('s.1', 3))).toBe(true);
    expect(await isTaken(revision('s.1', 7))).toBe(true);
    context.clockMs += patience.restMs;
    expect(await isTaken(revision('s.1', 9))).toBe(false);
    expect(match.status!().figures).toMatchObject({ tracklets: 3, gaps: 2 });
  });

  test('an empty store takes tracks in their middle, as people who were never seen before', async () => {
    const match = openMatch(['camera-0']);
    const context = testContext();
    await expect(match.handle(revision('s.1', 8), context)).rejects.toBeInstanceOf(TransientError);
    context.clockMs += 3100;
    await match.handle(revision('s.1', 8), context);
    await match.handle(revision('s.1', 9, 'end'), context);
    await match.handle(endedEvent('camera-0'), context);
    expect(stored()).toHaveLength(1);
  });

  test('the end of a stream that comes again does not end what has begun since, also after a restart', async () => {
    const first = openMatch(['camera-0']);
    const context = testContext();
    await first.handle(revision('s.1', 1, 'start'), context);
    await first.handle(endedEvent('camera-0'), context);
    expect(first.status!().phase).toBe('Completed');
    const second = openMatch(['camera-0']);
    await second.handle(revision('t.1', 1, 'start', 50), context);
    expect(second.status!().phase).toBe('Running');
    await second.handle(endedEvent('camera-0'), context);
    expect(second.status!().phase).toBe('Running');
  });

  test('a camera whose tracker begins anew follows nobody of before: its open tracks end', async () => {
    const match = openMatch(['camera-0'], 'RTSP');
    const context = testContext();
    await match.handle(revision('s.1', 1, 'start'), context);
    await match.handle(revision('s.2', 1, 'start'), context);
    expect(endedTracks()).toEqual({ 's.1': 0, 's.2': 0 });
    const later = revision('t.1', 1, 'start', 9);
    const [only] = (later.data as { tracklets: Tracklet[] }).tracklets as [Tracklet];
    only.from = start + 8;
    await match.handle(later, context);
    expect(endedTracks()).toEqual({ 's.1': 1, 's.2': 1, 't.1': 0 });
  });

  test('what a killed process may not have told anybody is told again, in order and under the same ids', async () => {
    const world = makeWorld(31, 6, 2, 0.3);
    const first = openMatch(world.cameras);
    const told: StageEvent[] = [];
    for (const event of interleave(world, random(1), 0)) {
      const out = (await first.handle(event, testContext())) as StageEvent<IdentitiesData> | undefined;
      if (out) told.push(out);
    }
    expect(told.length).toBeGreaterThan(5);
    const context = testContext();
    const second = openMatch(world.cameras);
    await second.init!(context);
    expect(context.emitted).toEqual(told);
    await second.shutdown!(context);
    opened.pop();
  });

  test('a clock that is set back does not make silent cameras be waited for without end', async () => {
    const match = openMatch(['camera-0', 'camera-1'], 'RTSP');
    const context = testContext();
    await match.handle(revision('s.1', 1, 'start'), context);
    context.clockMs -= 3_600_000;
    await match.idle(context);
    context.clockMs += 4000;
    await match.idle(context);
    expect(match.status!().figures['tracks']).toBe(1);
  });
});
