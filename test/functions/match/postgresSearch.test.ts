// A search on a PostgreSQL server, with and without pgvector: it finds exactly what a search of a file finds.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { SearchResult } from '../../../config/queries/answers.ts';
import { openArchiveAccess } from '../../../functions/match/archiveAccess.ts';
import type { ArchiveRequest } from '../../../functions/match/archiveThread.ts';
import { openDatabase, type StorePlace } from '../../../functions/match/database.ts';
import { isPostgres, postgresPlace } from '../../../functions/match/postgres.ts';
import { onPostgres, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { threadArgv } from '../../support/stores.ts';
import { random } from './world.ts';

const dimensions = 64;
const trackCount = 3000;
const next = random(31);
const lookOf = () => Int8Array.from({ length: dimensions }, () => Math.round((next() - 0.5) * 254));
const tracks = Array.from({ length: trackCount }, (_, i) => ({
  camera: `camera-${i % 5}`,
  track: `s.${i}`,
  from: 1_767_268_800 + Math.floor(i / 3) / 2,
  // Some have no vector any more, some several; a tenth look like others, so that their order counts.
  vectors: Array.from({ length: i % 7 === 0 ? 0 : 1 + (i % 3) }, (_, slot) =>
    i % 10 === 0 ? new Int8Array(dimensions).fill(64 + slot) : lookOf(),
  ),
}));

function fill(place: StorePlace): void {
  const database = openDatabase(place, { synchronous: 'NORMAL', busyTimeoutMs: 5000 });
  const track = database.prepare(
    `INSERT INTO tracks (camera, track, model, revision, first_seen, last_seen, observations, ended, identity)
     VALUES (?, ?, ?, 1, ?, ?, 3, 1, ?)`,
  );
  const prototype = database.prepare(
    `INSERT INTO prototypes (camera, track, slot, vector, scale, quality, weight, time) VALUES (?, ?, ?, ?, ?, 1, 1, 0)`,
  );
  database.transaction(() => {
    tracks.forEach(({ camera, track: name, from, vectors }, i) => {
      track.run(camera, name, i % 11 === 0 ? 'other' : 'm', from, from + 5, `p-${i % 700}`);
      vectors.forEach((vector, slot) => {
        const scale = Math.fround(1 / Math.hypot(...vector));
        prototype.run(camera, name, slot, Buffer.from(vector.buffer), scale);
      });
    });
  })();
  database.close();
}

async function searched(place: StorePlace, whom: object, values: object): Promise<SearchResult> {
  const archive = openArchiveAccess(place, threadArgv, 2);
  const ask = { name: 'search', threshold: 0.5, onlyTargets: false, ...whom } as ArchiveRequest['ask'];
  try {
    const scope = { window: {}, onlyTargets: false };
    return await archive.ask<SearchResult>(ask, scope, { ...values }, AbortSignal.timeout(30_000));
  } finally {
    await archive.close();
  }
}

const byVector = { vectors: [Float32Array.from(lookOf(), (value) => value / 100)], model: 'm' };
const byTrack = { camera: 'camera-1', track: 's.11' };
const questions: [string, object, object][] = [
  ['all of it', byVector, { limit: 50, least: -1 }],
  ['a time', byVector, { limit: 500, least: 0.1, from: tracks[300]!.from, to: tracks[900]!.from }],
  ['one camera, by a track with several vectors', byTrack, { limit: 20, least: -1, camera: 'camera-3' }],
  ['nothing is similar enough', byVector, { limit: 20, least: 0.99 }],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postgres-search-'));
  fill(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

function suite(vectors: boolean): void {
  let server: TestPostgres | undefined;
  let place: StorePlace;
  beforeAll(async () => {
    server = await startPostgres({ vectors });
    const task = { namespace: 'default', name: 'search', uid: '' };
    place = postgresPlace({ url: server.url() }, task, threadArgv);
    fill(place);
  });
  afterAll(() => server?.stop());

  test.each(questions)('%s', async (_, whom, values) => {
    const expected = await searched(folder, whom, values);
    expect(expected.compared).toBeGreaterThan(0);
    expect(await searched(place, whom, values)).toEqual(expected);
  });

  test('a vector of another length is refused', async () => {
    const short = { vectors: [new Float32Array([1, 2, 3])], model: 'm' };
    await expect(searched(place, short, { limit: 5 })).rejects.toThrow(
      `the vector has 3 numbers, those of this embedder have ${dimensions}`,
    );
  });

  if (!vectors) return;
  test('the server compares; an extension that comes later finds the vectors that are there', async () => {
    const column = () => {
      const database = openDatabase(place, { synchronous: 'FULL', busyTimeoutMs: 5000 });
      try {
        return isPostgres(database) ? database.vectors : undefined;
      } finally {
        database.close();
      }
    };
    expect(column()).toMatchObject({ version: expect.stringMatching(/^0\./) });
    await server!.query('DROP EXTENSION vector CASCADE');
    expect(await searched(place, ...questionOf(0))).toEqual(await searched(folder, ...questionOf(0)));
    expect(column()).toMatchObject({ schema: 'public' });
    const [row] = await server!.query<{ all: boolean }>(
      'SELECT bool_and(embedding IS NOT NULL) AS all FROM mei_default_search.prototypes',
    );
    expect(row).toEqual({ all: true });
    expect(await searched(place, ...questionOf(0))).toEqual(await searched(folder, ...questionOf(0)));
  });
}

function questionOf(number: number): [object, object] {
  const [, whom, values] = questions[number]!;
  return [whom, values];
}

onPostgres('a server without pgvector', () => suite(false));
onPostgres('a server with pgvector', () => suite(true), true);
