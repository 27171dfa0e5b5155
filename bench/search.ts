// `npm run bench:search`: milliseconds to find the most similar tracks among very many, exactly, with one thread and with several:
// in memory, and in a store as a match worker answers it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openArchiveAccess } from '../functions/match/archiveAccess.ts';
import { blockOf, openGallerySearch } from '../functions/match/gallerySearch.ts';
import type { QuantizedVector } from '../config/quantize.ts';
import type { GalleryBlock } from '../functions/match/core/gallery.ts';
import { fillStore } from './filledStore.ts';
import { random } from '../test/functions/match/world.ts';

const { values } = parseArgs({
  options: {
    vectors: { type: 'string', default: '10000,100000,1000000' },
    threads: { type: 'string', default: '1,2' },
    dimensions: { type: 'string', default: '256' },
    queries: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log('npm run bench:search -- [--vectors n,n] [--threads n,n] [--dimensions n] [--queries n]');
  process.exit(0);
}

const numbers = (text: string) => text.split(',').map(Number);
const dimensions = Number(values.dimensions);
const queryCount = Number(values.queries);
const most = 10;
const vectorsOfTrack = 4;
const blockTracks = 4096;
const next = random(17);

function vector(): QuantizedVector {
  return {
    vector: Int8Array.from({ length: dimensions }, () => Math.floor(next() * 255) - 127),
    scale: 0.001,
  };
}

/** Filled with the same block again and again, so that a million vectors take no minute to make; only the memory counts. */
function galleryOf(vectors: number): GalleryBlock[] {
  const tracks = Math.ceil(vectors / vectorsOfTrack);
  const size = Math.min(blockTracks, Math.ceil(tracks / 8));
  const made = Array.from({ length: size }, () => ({
    vectors: Array.from({ length: vectorsOfTrack }, vector),
  }));
  return Array.from({ length: Math.ceil(tracks / size) }, (_, i) => blockOf(made, dimensions, i * size));
}

/** A store of so many vectors, in a folder of its own. */
function storeOf(vectors: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'bench-search-'));
  fillStore(folder, { vectors, from: 1_767_268_800, vector });
  return folder;
}

async function searchStore(folder: string, threads: number): Promise<number[]> {
  const archive = openArchiveAccess(folder, loader, threads);
  const times: number[] = [];
  for (let i = 0; i < 4; i++) {
    const whom = Float32Array.from(vector().vector);
    const ask = { name: 'search' as const, threshold: 0.5, onlyTargets: false, vectors: [whom], model: 'm' };
    const scope = { window: {}, onlyTargets: false };
    const began = performance.now();
    await archive.ask(ask, scope, { limit: most, least: -1 }, AbortSignal.timeout(120_000));
    if (i > 0) times.push(performance.now() - began);
  }
  await archive.close();
  return times;
}

function median(times: number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

const loader = ['--import', './test/support/typescriptThreads.mjs'];
const rows: { vectors: number; threads: number; 'median ms': string; 'range ms': string; MiB: number }[] = [];
for (const vectors of numbers(values.vectors)) {
  const gallery = galleryOf(vectors);
  const MiB = Math.round(gallery.reduce((sum, block) => sum + block.vectors.byteLength, 0) / 2 ** 20);
  const found: string[] = [];
  for (const threads of numbers(values.threads)) {
    const search = openGallerySearch({ threads, execArgv: loader });
    // The first search starts the threads and lets the code grow warm.
    for (let i = 0; i < 5; i++) await search.nearest(gallery, [vector()], most);
    const fixed = { vector: new Int8Array(dimensions).fill(1), scale: 0.01 };
    found.push(JSON.stringify(await search.nearest(gallery, [fixed], most)));
    const times: number[] = [];
    for (let i = 0; i < queryCount; i++) {
      const query = vector();
      const began = performance.now();
      await search.nearest(gallery, [query], most);
      times.push(performance.now() - began);
    }
    await search.close();
    const range = `${Math.min(...times).toFixed(1)}-${Math.max(...times).toFixed(1)}`;
    rows.push({ vectors, threads, 'median ms': median(times).toFixed(1), 'range ms': range, MiB });
  }
  if (new Set(found).size > 1)
    throw new Error(`${vectors} vectors: threads do not agree on what is most similar`);
}
console.log('in memory');
console.table(rows);

const stored: { vectors: number; threads: number; 'median ms': string; 'range ms': string }[] = [];
for (const vectors of numbers(values.vectors)) {
  const folder = storeOf(vectors);
  for (const threads of numbers(values.threads)) {
    const times = await searchStore(folder, threads);
    const range = `${Math.min(...times).toFixed(0)}-${Math.max(...times).toFixed(0)}`;
    stored.push({ vectors, threads, 'median ms': median(times).toFixed(0), 'range ms': range });
  }
  rmSync(folder, { recursive: true });
}
console.log('in a store');
console.table(stored);
