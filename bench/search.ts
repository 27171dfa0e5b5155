// `npm run bench:search`: milliseconds to find the most similar tracks among very many, exactly, with one thread and with several.
import { parseArgs } from 'node:util';
import { blockOf, openGallerySearch } from '../functions/match/gallerySearch.ts';
import type { GalleryBlock, QueryVector } from '../functions/match/core/gallery.ts';
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

function vector(): QueryVector {
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

function median(times: number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

const rows: { vectors: number; threads: number; 'median ms': string; 'range ms': string; MiB: number }[] = [];
for (const vectors of numbers(values.vectors)) {
  const gallery = galleryOf(vectors);
  const MiB = Math.round(gallery.reduce((sum, block) => sum + block.vectors.byteLength, 0) / 2 ** 20);
  const found: string[] = [];
  for (const threads of numbers(values.threads)) {
    const search = openGallerySearch({
      threads,
      execArgv: ['--import', './test/support/typescriptThreads.mjs'],
    });
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
console.table(rows);
