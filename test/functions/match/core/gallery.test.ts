import { expect, test } from '@jest/globals';
import { quantize } from '../../../../config/quantize.ts';
import { mergeHits, nearest, type GalleryBlock } from '../../../../functions/match/core/gallery.ts';
import { random } from '../world.ts';

function galleryOf(seed: number, tracks: number, dimensions: number): GalleryBlock {
  const next = random(seed);
  const counts = Array.from({ length: tracks }, () => Math.floor(next() * 4));
  const rows = counts.reduce((sum, count) => sum + count, 0);
  let row = 0;
  return {
    first: 0,
    dimensions,
    // Few values: many tracks are equally similar, so that the order of equals counts.
    vectors: Int8Array.from({ length: rows * dimensions }, () => Math.floor(next() * 3) - 1),
    scales: Float32Array.from({ length: rows }, () => 0.5),
    starts: Uint32Array.from([0, ...counts.map((count) => (row += count))]),
  };
}

/** Tracks `from` up to `to` of a block as a block of their own. */
function shareOf(block: GalleryBlock, from: number, to: number): GalleryBlock {
  const [begin, end] = [block.starts[from]!, block.starts[to]!];
  return {
    first: block.first + from,
    dimensions: block.dimensions,
    vectors: block.vectors.slice(begin * block.dimensions, end * block.dimensions),
    scales: block.scales.slice(begin, end),
    starts: block.starts.slice(from, to + 1).map((start) => start - begin),
  };
}

/** The definition, without any care for time. */
function plain(block: GalleryBlock, queries: { vector: Int8Array; scale: number }[], most: number) {
  const { starts, dimensions, vectors, scales } = block;
  const scored = Array.from({ length: starts.length - 1 }, (_, track) => {
    let score = -Infinity;
    for (let row = starts[track]!; row < starts[track + 1]!; row++)
      for (const { vector, scale } of queries) {
        let sum = 0;
        for (let i = 0; i < dimensions; i++) sum += vector[i]! * vectors[row * dimensions + i]!;
        score = Math.max(score, sum * scale * scales[row]!);
      }
    return { track, score };
  });
  return scored
    .filter(({ score }) => score > -Infinity)
    .sort((a, b) => b.score - a.score || a.track - b.track)
    .slice(0, most);
}

test.each([
  [1, 50, 8, 5],
  [2, 300, 7, 40],
  [3, 20, 33, 100],
  [4, 200, 4, 1],
])('seed %i: %i tracks of %i dimensions, the best %i', (seed, tracks, dimensions, most) => {
  const block = galleryOf(seed, tracks, dimensions);
  const next = random(seed + 100);
  const queries = Array.from({ length: 3 }, () => ({
    vector: Int8Array.from({ length: dimensions }, () => Math.floor(next() * 5) - 2),
    scale: 0.25,
  }));
  const whole = nearest(block, queries, most);
  expect(whole).toEqual(plain(block, queries, most));
  for (const shares of [2, 3, 7]) {
    const cuts = Array.from({ length: shares + 1 }, (_, i) => Math.floor((i * tracks) / shares));
    const parts = cuts.slice(1).map((to, i) => nearest(shareOf(block, cuts[i]!, to), queries, most));
    expect(mergeHits(parts, most)).toEqual(whole);
    expect(mergeHits(parts.reverse(), most)).toEqual(whole);
  }
  const { score } = whole[Math.floor(whole.length / 2)]!;
  expect(nearest(block, queries, most, score)).toEqual(whole.filter((hit) => hit.score >= score));
});

test('nothing is most similar to nothing, and nobody is asked for', () => {
  const block = galleryOf(1, 10, 8);
  expect(nearest(block, [], 5)).toEqual([]);
  expect(nearest(block, [{ vector: new Int8Array(8), scale: 1 }], 0)).toEqual([]);
});

test('a picture is rounded as the gallery is: it is most similar to itself', () => {
  const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * 7));
  const norm = Math.hypot(...values);
  const query = quantize(values.map((value) => value / norm));
  const block = {
    first: 7,
    dimensions: 64,
    vectors: query.vector,
    scales: Float32Array.of(query.scale),
    starts: Uint32Array.of(0, 1),
  };
  const [hit] = nearest(block, [query], 1);
  expect(hit!.track).toBe(7);
  expect(hit!.score).toBeCloseTo(1, 2);
});
