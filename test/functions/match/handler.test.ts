// The match stage as its host sees it: events in, identities out, nothing lost by a restart or a full disk.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, expect, test } from '@jest/globals';
import type { IdentitiesData, IdentityChange, StageEvent, TrackletsData } from '../../../config/events.ts';
import { follow } from '../../../bench/matching/follow.ts';
import { defaultSettings } from '../../../functions/match/core/settings.ts';
import { createMatch, type MatchFunction } from '../../../functions/match/handler.ts';
import { readIdentities } from '../../../functions/match/export.ts';
import { matchSettings } from '../../../functions/match/options.ts';
import { openStore, storeFileName, type Store } from '../../../functions/match/store.ts';
import {
  endedEvent,
  interleave,
  makeWorld,
  pairScores,
  random,
  start,
  testContext,
  trackletsEvent,
} from './world.ts';
import { onEachEngine } from '../../support/stores.ts';
import type { World } from './world.ts';

onEachEngine((engine) => {
  const opened: Store[] = [];

  afterEach(() => {
    for (const store of opened.splice(0)) store.close();
  });

  function openMatch(world: World, store: Store = open()): MatchFunction {
    return createMatch({
      batching: { maxEvents: 1, maxWaitMs: 0 },
      store,
      settings: { ...defaultSettings, threshold: 0.5 },
      topology: { overlap: () => false, travel: () => undefined },
      cameras: world.cameras.map((id) => ({
        id,
        source: { type: 'File', realtime: false, transport: 'TCP' },
      })),
      task: { name: 'task', namespace: 'default' },
      worker: 'cloud',
    });
  }

  function open(): Store {
    const store = openStore(engine.place);
    opened.push(store);
    return store;
  }

  async function feed(match: MatchFunction, events: StageEvent[]): Promise<IdentityChange[]> {
    const context = testContext();
    const changes: IdentityChange[] = [];
    for (const event of events) {
      const out = (await match.handle(event, context)) as StageEvent<IdentitiesData> | undefined;
      if (out) changes.push(...out.data.changes);
    }
    return changes;
  }

  function stored(): Map<string, string> {
    const found = new Map<string, string>();
    for (const { identity, tracks } of readIdentities(engine.place)) {
      for (const { camera, track } of tracks) found.set(`${camera}/${track}`, identity);
    }
    return found;
  }

  const sortedEntries = (belief: Map<string, string>) => [...belief].sort();

  test('people keep their identity, and the store says what the events said', async () => {
    const world = makeWorld(7, 12, 3, 0.3);
    const match = openMatch(world);
    const changes = await feed(match, interleave(world, random(1), 0));
    const belief = follow(changes);
    expect(belief.size).toBe(world.truth.size);
    expect(sortedEntries(stored())).toEqual(sortedEntries(belief));
    const { precision, recall } = pairScores(belief, world.truth);
    expect(precision).toBeGreaterThan(0.95);
    expect(recall).toBeGreaterThan(0.9);
    const status = match.status!();
    expect(status.phase).toBe('Completed');
    expect(status.figures['tracks']).toBe(world.truth.size);
    expect(status.output?.taskInfo?.trackingObjectNumber).toBe(new Set(belief.values()).size);
    expect(changes.every((change) => 'reason' in change && change.reason.length > 0)).toBe(true);
  });

  test('a killed matcher goes on with the same identities', async () => {
    const world = makeWorld(11, 10, 3, 0.5);
    const events = interleave(world, random(3), 1);
    const whole = follow(await feed(openMatch(world), events));
    for (const store of opened.splice(0)) store.close();
    engine.renew();

    const half = Math.floor(events.length / 2);
    const first = await feed(openMatch(world), events.slice(0, half));
    // Opened again beside the first one, which is never asked to shut down: that is what a kill looks like to the file.
    const second = await feed(openMatch(world), events.slice(half));
    const belief = follow([...first, ...second]);
    expect(sortedEntries(belief)).toEqual(sortedEntries(whole));
    expect(sortedEntries(stored())).toEqual(sortedEntries(whole));
  });

  test('a repeated event changes nothing and gets the answer it got before', async () => {
    const world = makeWorld(5, 6, 2, 0.3);
    const match = openMatch(world);
    const context = testContext();
    for (const event of interleave(world, random(2), 0)) {
      const answer = await match.handle(event, context);
      const again = await match.handle(event, context);
      expect(again).toEqual(answer);
    }
    expect(stored().size).toBe(world.truth.size);
  });

  test('a store that cannot be written refuses events until it can, and loses nothing', async () => {
    const world = makeWorld(9, 6, 2, 0.3);
    const store = open();
    let full = false;
    const match = openMatch(world, {
      ...store,
      commit(commit) {
        if (full) throw new Error('disk is full');
        store.commit(commit);
      },
    });
    const events = interleave(world, random(2), 0);
    const context = testContext();
    const changes: IdentityChange[] = [];
    for (const event of events) {
      full = true;
      await expect(match.handle(event, context)).rejects.toThrow('disk is full');
      full = false;
      const out = (await match.handle(event, context)) as StageEvent<IdentitiesData> | undefined;
      if (out) changes.push(...out.data.changes);
    }
    expect(sortedEntries(stored())).toEqual(sortedEntries(follow(changes)));
    expect(stored().size).toBe(world.truth.size);
  });

  test('cameras that fell silent are not waited for', async () => {
    const world = makeWorld(3, 4, 2, 0.3);
    const match = openMatch(world);
    const context = testContext();
    for (const event of world.lines.get('camera-0')!.slice(0, -1)) await match.handle(event, context);
    expect(match.status!().figures['tracks']).toBe(0);
    context.clockMs += 20_000;
    await match.idle(context);
    await match.idle(context);
    expect(match.status!().figures['tracks']).toBeGreaterThan(0);
    expect(context.emitted.length).toBeGreaterThan(0);
  });

  test('what is older than the retention is gone from results, vectors and memory', async () => {
    const world = makeWorld(13, 30, 2, 0.3);
    const match = createMatch({
      batching: { maxEvents: 1, maxWaitMs: 0 },
      store: open(),
      settings: defaultSettings,
      topology: { overlap: () => false, travel: () => undefined },
      cameras: world.cameras.map((id) => ({
        id,
        source: { type: 'File', realtime: false, transport: 'TCP' },
      })),
      task: { name: 'task', namespace: 'default' },
      worker: 'cloud',
      retentionS: 10,
    });
    await feed(match, interleave(world, random(1), 0));
    const late = trackletsEvent('camera-0', 'late', start + 9999, [
      {
        ...tracklet,
        track: 's.999',
        from: start + 9999,
        to: start + 9999,
        prototypes: tracklet.prototypes.map((each) => ({ ...each, time: start + 9999 })),
      },
    ]);
    await feed(match, [late]);
    await match.idle(testContext());
    expect(match.status!().figures).toMatchObject({ traces: 1, tracks: 1 });
    const count = (table: string) => engine.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)[0]!.n;
    expect([count('tracks'), count('prototypes'), count('traces')]).toEqual([1, 1, 1]);
  });

  test('params name settings, and an unknown one is refused with those that are known', () => {
    const options = {
      acrossCamera: true,
      mode: 'MultiObject',
      votes: 3,
      overlaps: [],
      travel: [],
      targets: [],
    } as const;
    const base = { ...options, overlaps: [], travel: [], targets: [] };
    const settings = matchSettings({ ...base, margin: 0.1, params: { maxAbsenceS: 6 } }, undefined);
    expect(settings).toMatchObject({
      maxAbsenceS: 6,
      margin: 0.1,
      votes: 3,
      threshold: defaultSettings.threshold,
    });
    expect(() => matchSettings({ ...base, params: { odd: 1 } }, undefined)).toThrow(
      /params\.odd is not known; known are ambiguousOdds/,
    );
  });

  const good = makeWorld(1, 1, 1, 0.1).lines.get('camera-0')![0] as StageEvent<TrackletsData>;
  const tracklet = good.data.tracklets[0]!;
  test('an unknown camera is waited for, because its news may be ahead of the edit that names it, then refused in one line', async () => {
    const match = openMatch(makeWorld(1, 1, 1, 0.1));
    const event = { ...good, data: { ...good.data, camera: 'other' } };
    const message = 'camera other is not one of task task: camera-0';
    const at = (nowMs: number) => match.handle(event, { ...testContext(), now: () => nowMs });
    await expect(at(0)).rejects.toMatchObject({ name: 'TransientError', message });
    await expect(at(200_000)).rejects.toMatchObject({ name: 'PermanentError', message });
  });

  test('vectors of another length than before are refused', async () => {
    const match = openMatch(makeWorld(1, 1, 1, 0.1));
    await match.handle(good, testContext());
    const event = { ...good, id: 'next', data: { ...good.data, dimensions: 16, tracklets: [] } };
    await expect(match.handle(event, testContext())).rejects.toThrow('gave 32 dimensions before and 16 now');
  });

  test('an event of a stage it does not serve is refused', async () => {
    const match = openMatch(makeWorld(1, 1, 1, 0.1));
    await expect(match.handle({ ...endedEvent('camera-0'), type: 'x' }, testContext())).rejects.toThrow(
      'not x',
    );
    await expect(
      match.handle(trackletsEvent('camera-0', 'a', 0, []), testContext()),
    ).resolves.toBeUndefined();
  });
});

test('an unwritable folder is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'match-'));
  const blocked = join(folder, 'file', 'store');
  writeFileSync(join(folder, 'file'), '');
  expect(() => openStore(blocked)).toThrow(`the store in ${blocked} cannot be written`);
  rmSync(folder, { recursive: true });
});

test('a file of a newer version is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'match-'));
  openStore(folder).close();
  const database = new Database(join(folder, storeFileName));
  database.exec('PRAGMA user_version = 99');
  database.close();
  expect(() => openStore(folder)).toThrow(/identities\.db was written by a newer version \(99/);
  rmSync(folder, { recursive: true });
});
