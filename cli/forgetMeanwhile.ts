// Takes people who were erased while a run worked out of its files too, once nobody writes these any more: run.ts calls it before it
// writes results. The store says of a track whether it was of somebody erased; the logs say what these people were called.
import { createReadStream, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'libsql';
import { traceKey } from '../functions/match/core/trace.ts';
import { digestOfName } from '../functions/match/erasure.ts';
import { storeFileName } from '../functions/match/store.ts';
import { forgetFiles } from './forgetFiles.ts';
import { forgetOutboxes } from './forgetOutboxes.ts';

interface Name {
  camera: string;
  track: string;
}

/** May be done again. @param folder of the run @returns how many tracks there were of people who were erased */
export async function forgetErasedMeanwhile(folder: string): Promise<number> {
  const { salt, forgotten, present } = memoryOf(folder);
  if (salt === undefined || forgotten.size === 0) return 0;
  const isForgotten = ({ camera, track }: Name) => forgotten.has(digestOfName(salt, traceKey(camera, track)));
  const tracks = (await tracksIn(folder)).filter(isForgotten);
  if (tracks.length === 0) return 0;
  const [identity = randomUUID(), ...names] = await namesIn(folder, tracks, present);
  await forgetFiles(folder, { kind: 'erased', identity, names, tracks, time: 0 });
  forgetOutboxes(join(folder, 'outbox'), tracks);
  return tracks.length;
}

/** Digests of what was erased, the number they were made with, and the names of everybody who is there. */
function memoryOf(folder: string): { salt?: string; forgotten: Set<string>; present: Set<string> } {
  const file = join(folder, storeFileName);
  if (!existsSync(file)) return { forgotten: new Set(), present: new Set() };
  const database = new Database(file, { readonly: true });
  try {
    const column = (sql: string) =>
      (database.prepare(sql).all() as { value: string }[]).map(({ value }) => value);
    const [salt] = column(`SELECT value FROM meta WHERE key = 'salt'`);
    return {
      ...(salt !== undefined && { salt }),
      forgotten: new Set(column('SELECT key AS value FROM forgotten')),
      present: new Set(column('SELECT DISTINCT identity AS value FROM tracks WHERE identity IS NOT NULL')),
    };
  } finally {
    database.close();
  }
}

/** Every track that a camera wrote boxes of. */
async function tracksIn(folder: string): Promise<Name[]> {
  const found: Name[] = [];
  for (const camera of await readdir(join(folder, 'cameras')).catch(() => [])) {
    const tracks = new Set<string>();
    for await (const line of linesOf(join(folder, 'cameras', camera, 'tracks.csv'))) {
      const track = line.split(',')[2];
      if (track !== undefined && !line.startsWith('#')) tracks.add(track);
    }
    for (const track of tracks) found.push({ camera, track });
  }
  return found;
}

/** What the people of these tracks were called, unless somebody who is there is called so. */
async function namesIn(
  folder: string,
  tracks: readonly Name[],
  present: ReadonlySet<string>,
): Promise<string[]> {
  const own = new Set(tracks.map(({ camera, track }) => `${camera}/${track}`));
  const names = new Set<string>();
  const pairs: [string, string][] = [];
  for (const file of await readdir(join(folder, 'workers')).catch(() => [])) {
    if (!file.endsWith('.log')) continue;
    for await (const line of linesOf(join(folder, 'workers', file))) {
      const { identity, from, camera, track } = parsed(line);
      if (typeof identity !== 'string') continue;
      if (own.has(`${String(camera)}/${String(track)}`)) names.add(identity);
      if (typeof from === 'string') pairs.push([identity, from]);
    }
  }
  for (let before = -1; before !== names.size;) {
    before = names.size;
    for (const pair of pairs)
      if (pair.some((name) => names.has(name))) pair.forEach((name) => names.add(name));
  }
  return [...names].filter((name) => !present.has(name));
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path);
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    // The camera gave no picture.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    input.destroy();
  }
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
