// A search of the store shared among threads: it finds exactly what one thread finds, and what a plain comparison says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { SearchResult } from '../../../config/queries/answers.ts';
import { openArchiveAccess } from '../../../functions/match/archiveAccess.ts';
import { createArchive } from '../../../functions/match/archive.ts';
import type { ArchiveRequest } from '../../../functions/match/archiveThread.ts';
import { openDatabase } from '../../../functions/match/database.ts';
import { partsOf, type Part } from '../../../functions/match/resemblance.ts';
import { random } from './world.ts';

const loader = ['--import', './test/support/typescriptThreads.mjs'];
const dimensions = 16;
const trackCount = 32_000;
const next = random(23);
const vectors = Array.from({ length: trackCount }, () =>
  // Few values, so that many are equally similar: their order counts.
  Int8Array.from({ length: dimensions }, () => (Math.floor(next() * 3) - 1) * 127),
);
const nameOf = (i: number) => ({ camera: `camera-${i % 5}`, track: `s.${i}` });
/** Two pictures a second, as low frame rates have it: all of them begin at whole or half seconds. */
const firstSeen = (i: number) => 1_767_268_800 + Math.floor(i / 3) / 2;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archive-search-'));
  const database = openDatabase(folder, { synchronous: 'NORMAL', busyTimeoutMs: 500 });
  const track = database.prepare(
    `INSERT INTO tracks (camera, track, model, revision, first_seen, last_seen, observations, ended, identity)
     VALUES (?, ?, 'm', 1, ?, ?, 3, 1, ?)`,
  );
  const prototype = database.prepare(
    `INSERT INTO prototypes (camera, track, slot, vector, scale, quality, weight, time) VALUES (?, ?, 0, ?, ?, 1, 1, 0)`,
  );
  database.transaction(() => {
    vectors.forEach((vector, i) => {
      const { camera, track: name } = nameOf(i);
      track.run(camera, name, firstSeen(i), firstSeen(i) + 5, `p-${i % 700}`);
      prototype.run(camera, name, Buffer.from(vector), 0.25 / 127);
    });
  })();
  database.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const whom = Float32Array.from({ length: dimensions }, (_, i) => (i % 3) - 1);

async function searched(threads: number, values: object): Promise<SearchResult> {
  const archive = openArchiveAccess(folder, loader, threads);
  const ask: ArchiveRequest['ask'] = {
    name: 'search',
    threshold: 0.5,
    onlyTargets: false,
    vectors: [whom],
    model: 'm',
  };
  try {
    const scope = { window: {}, onlyTargets: false };
    return await archive.ask<SearchResult>(ask, scope, { ...values }, AbortSignal.timeout(30_000));
  } finally {
    await archive.close();
  }
}

test.each([
  ['all of it', { limit: 50, least: -1 }],
  ['a time', { limit: 500, least: 0.1, from: firstSeen(3000), to: firstSeen(6000) }],
  ['one camera', { limit: 10, camera: 'camera-3' }],
])('%s: two and three threads find what one finds', async (_, values) => {
  const whole = await searched(1, values);
  expect(whole.items.length).toBeGreaterThan(0);
  for (const threads of [2, 3]) expect(await searched(threads, values)).toEqual(whole);
});

test('the parts of three threads are all tracks, each once, in shares of about one size', () => {
  const database = openDatabase(folder, { synchronous: 'NORMAL', busyTimeoutMs: 500 });
  const archive = createArchive(database, { window: {}, onlyTargets: false });
  const count = ({ start = -Infinity, end = Infinity }: Part) =>
    vectors.filter((_, i) => firstSeen(i) >= start && firstSeen(i) < end).length;
  const parts = partsOf(archive, {}, 3);
  expect(parts.map(count).every((tracks) => Math.abs(tracks - trackCount / 3) < 10)).toBe(true);
  expect(parts.reduce((sum, part) => sum + count(part), 0)).toBe(trackCount);
  expect(partsOf(archive, { from: firstSeen(31_000) }, 3)).toEqual([{}]);
  expect(partsOf(archive, { camera: 'nowhere' }, 3)).toEqual([{}]);
  database.close();
});

test('it is what a plain comparison says', async () => {
  const dot = (vector: Int8Array) => vector.reduce((sum, value, i) => sum + value * whom[i]!, 0);
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const best = vectors
    .map((vector, i) => ({ ...nameOf(i), from: firstSeen(i), score: dot(vector) }))
    .sort(
      (a, b) =>
        b.score - a.score || a.from - b.from || compare(a.camera, b.camera) || compare(a.track, b.track),
    )
    .slice(0, 50);
  const { items, compared } = await searched(2, { limit: 50, least: -1 });
  expect(compared).toBe(trackCount);
  const found = items.flatMap(({ tracks }) => tracks.map(({ camera, track }) => `${camera}/${track}`));
  expect(found.sort()).toEqual(best.map(({ camera, track }) => `${camera}/${track}`).sort());
});
