// How long a match worker keeps what it knows, by which clock, and that the store gives the room back; and who is looked for in the past.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, expect, test } from '@jest/globals';
import type { IdentityChange, IdentitiesData, StageEvent, TrackletsData } from '../../../config/events.ts';
import type { Target } from '../../../functions/match/core/targets.ts';
import { defaultSettings } from '../../../functions/match/core/settings.ts';
import { createMatch, type MatchDependencies, type MatchFunction } from '../../../functions/match/handler.ts';
import { createLookout } from '../../../functions/match/lookout.ts';
import { openStore, storeFileName, type Store } from '../../../functions/match/store.ts';
import { onEachEngine } from '../../support/stores.ts';
import { interleave, makeWorld, random, testContext } from './world.ts';

onEachEngine((engine) => {
  const opened: Store[] = [];

  afterEach(() => {
    for (const store of opened.splice(0)) store.close();
  });

  const world = makeWorld(13, 30, 2, 0.3);
  const events = interleave(world, random(1), 0);
  const settings = { ...defaultSettings, threshold: 0.5 };

  function open(more: Partial<MatchDependencies> = {}): MatchFunction {
    const store = openStore(engine.place);
    opened.push(store);
    return createMatch({
      batching: { maxEvents: 1, maxWaitMs: 0 },
      store,
      settings,
      topology: { overlap: () => false, travel: () => undefined },
      cameras: world.cameras.map((id) => ({
        id,
        source: { type: 'File', realtime: false, transport: 'TCP' },
      })),
      task: { name: 'task', namespace: 'default' },
      worker: 'cloud',
      ...more,
    });
  }

  type Context = ReturnType<typeof testContext>;

  async function feed(match: MatchFunction, context: Context, of = events): Promise<void> {
    for (const event of of) await match.handle(event, context);
  }

  function count(table: string): number {
    return engine.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)[0]!.n;
  }

  const tables = ['tracks', 'prototypes', 'paths', 'events', 'sightings', 'traces', 'names'];

  test('when nothing comes any more all of it expires by the wall, also over a restart, and the file shrinks', async () => {
    const context = testContext();
    const match = open({ retentionS: 3600 });
    await feed(match, context);
    context.clockMs += 3_000_000;
    await match.idle(context);
    const before = count('tracks');
    expect(before).toBe(world.truth.size);
    opened.pop()!.close();
    const again = open({ retentionS: 3600 });
    context.clockMs += 700_000;
    for (let i = 0; i < 8; i++) await again.idle(context);
    context.clockMs += 61_000;
    await again.idle(context);
    expect(tables.map(count)).toEqual(tables.map(() => 0));
    expect(again.status!().figures['traces']).toBe(0);
    if (typeof engine.place !== 'string') return;
    const database = new Database(join(engine.place, storeFileName));
    database.pragma('wal_checkpoint(TRUNCATE)');
    const [{ freelist_count: free } = { freelist_count: NaN }] = database.pragma('freelist_count') as {
      freelist_count: number;
    }[];
    database.close();
    expect(free).toBe(0);
    expect(statSync(join(engine.place, storeFileName)).size).toBeLessThan(250_000);
  });

  test('vectors go before results do, and nobody of that time is remembered', async () => {
    const context = testContext();
    const match = open({ retentionS: 7200, vectorsS: 600 });
    await feed(match, context);
    context.clockMs += 3_600_000;
    for (let i = 0; i < 4; i++) await match.idle(context);
    expect([count('prototypes'), count('traces')]).toEqual([0, 0]);
    expect(count('tracks')).toBe(world.truth.size);
    expect(match.status!().figures['traces']).toBe(0);
  });

  test('a target is looked for in what the store knows of the window, and the same is found again', async () => {
    const context = testContext();
    const first = open({ vectorsS: 1e9 });
    await feed(first, context);
    opened.pop()!.close();
    const [one] = events.flatMap(({ data }) => (data as TrackletsData).tracklets ?? []);
    const { vector, scale } = one!.prototypes[0]!;
    const anna: Target = {
      name: 'anna',
      model: 'digest',
      vectors: [Float32Array.from(vector, (value) => value * scale)],
    };
    const look = async (past?: { from: number; to: number }) => {
      // The matcher has forgotten all: what is found is found in the store.
      engine.exec('DELETE FROM traces; DELETE FROM sightings; DELETE FROM events;');
      const targets = {
        get threshold() {
          return 0.5;
        },
        margin: 0,
        unknownBelow: 0.3,
        bestPairShare: settings.bestPairShare,
      };
      const images = { load: async () => ({ targets: [anna], problems: [] }) };
      const lookout = createLookout(images, targets, { sightings: [], identities: [], unknownSeen: false });
      await lookout.start(context.log);
      const match = open({ lookout, ...(past && { past }) });
      context.emitted.length = 0;
      for (let i = 0; i < 3; i++) await match.idle(context);
      lookout.stop();
      opened.pop()!.close();
      return context.emitted
        .flatMap((event) => (event as StageEvent<IdentitiesData>).data.changes)
        .filter(
          (change): change is Extract<IdentityChange, { kind: 'sighted' }> => change.kind === 'sighted',
        );
    };
    expect(await look()).toEqual([]);
    const all = await look({ from: -Infinity, to: Infinity });
    expect(all.length).toBeGreaterThan(1);
    expect(all.map(({ track }) => track)).toContain(one!.track);
    expect(count('sightings')).toBe(all.length);
    expect(await look({ from: -Infinity, to: Infinity })).toEqual(all);
    const middle = all[0]!.time + 0.001;
    const later = await look({ from: middle, to: Infinity });
    expect(later.length).toBeLessThan(all.length);
    expect(later.every(({ time }) => time >= middle)).toBe(true);
  });
});
