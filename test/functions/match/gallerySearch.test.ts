import { afterAll, expect, test } from '@jest/globals';
import { nearest, type GalleryBlock } from '../../../functions/match/core/gallery.ts';
import { blockOf, openGallerySearch } from '../../../functions/match/gallerySearch.ts';
import { random } from './world.ts';

const dimensions = 32;
const next = random(5);
const vector = () => ({
  vector: Int8Array.from({ length: dimensions }, () => Math.floor(next() * 9) - 4),
  scale: 0.5,
});
const tracks = Array.from({ length: 1000 }, () => ({ vectors: [vector(), vector()] }));
const queries = [vector(), vector()];
const whole = nearest(blockOf(tracks, dimensions), queries, 25);

const loader = ['--import', './test/support/typescriptThreads.mjs'];
const searches = [0, 1, 2, 3].map((threads) => openGallerySearch({ threads, execArgv: loader }));
afterAll(() => Promise.all(searches.map((search) => search.close())));

function* inBlocks(size: number): Generator<GalleryBlock> {
  for (let first = 0; first < tracks.length; first += size)
    yield blockOf(tracks.slice(first, first + size), dimensions, first);
}

test.each([0, 1, 2, 3])('%i threads find what one search over the whole finds', async (threads) => {
  const search = searches[threads]!;
  for (const size of [1000, 333, 10])
    expect(await search.nearest(inBlocks(size), queries, 25)).toEqual(whole);
  const several = await Promise.all([1, 5, 25].map((most) => search.nearest(inBlocks(100), queries, most)));
  expect(several).toEqual([whole.slice(0, 1), whole.slice(0, 5), whole]);
});

test('no more blocks are asked for than can be worked on', async () => {
  const search = openGallerySearch({ threads: 2, execArgv: loader });
  let made = 0;
  function* counted() {
    for (const block of inBlocks(20)) {
      made++;
      yield block;
    }
  }
  const found = search.nearest(counted(), queries, 25);
  // Long before the first thread has begun: one block for each, and one that waits.
  await new Promise((resolve) => setImmediate(resolve));
  expect(made).toBe(3);
  expect(await found).toEqual(whole);
  expect(made).toBe(50);
  await search.close();
});

test('a search that is closed says so, also to those who wait', async () => {
  const search = openGallerySearch({ threads: 2, execArgv: loader });
  const waiting = search.nearest(inBlocks(10), queries, 5);
  const failed = expect(waiting).rejects.toThrow(/thread that searches has ended/);
  await search.close();
  await failed;
  await expect(search.nearest([], queries, 5)).rejects.toThrow(/closed/);
});
