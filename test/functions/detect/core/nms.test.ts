import { expect, test } from '@jest/globals';
import { selectDetections } from '../../../../functions/detect/core/nms.ts';

const image = { width: 100, height: 80 };
const unscaled = { scaleX: 1, scaleY: 1 };

function select(rows: number[][], options = {}, scale = unscaled) {
  const boxes = Float32Array.from(rows.flatMap((row) => row.slice(0, 4)));
  const scores = Float32Array.from(rows, (row) => row[4]!);
  const { boxes: kept, scores: keptScores, count } = selectDetections(boxes, scores, scale, image, options);
  return Array.from({ length: count }, (_, k) => [...kept.subarray(k * 4, k * 4 + 4), keptScores[k]]);
}

test('keeps the strongest of overlapping boxes, strongest first', () => {
  const kept = select([
    [10, 10, 30, 60, 0.5],
    [11, 10, 31, 60, 0.75],
    [60, 10, 80, 60, 0.625],
  ]);
  expect(kept).toEqual([
    [11, 10, 31, 60, 0.75],
    [60, 10, 80, 60, 0.625],
  ]);
});

test('keeps boxes that overlap less than the limit', () => {
  const rows = [
    [10, 10, 30, 60, 0.5],
    [20, 10, 40, 60, 0.75],
  ];
  expect(select(rows, { maxOverlap: 0.3 })).toHaveLength(1);
  expect(select(rows, { maxOverlap: 0.4 })).toHaveLength(2);
});

test('undoes the resize on each axis and clips to the image', () => {
  const [box] = select([[-8, 20, 60, 100, 0.5]], {}, { scaleX: 0.5, scaleY: 2 });
  expect(box).toEqual([0, 10, 100, 50, 0.5]);
});

test('equal scores come in the order of the anchors', () => {
  const kept = select([
    [60, 10, 80, 60, 0.5],
    [10, 10, 30, 60, 0.5],
    [35, 10, 50, 60, 0.5],
  ]);
  expect(kept.map(([left]) => left)).toEqual([60, 10, 35]);
});

test.each([
  ['below the floor', [10, 10, 30, 60, 0.09]],
  ['not a score', [10, 10, 30, 60, NaN]],
  ['not a number', [NaN, 10, 30, 60, 0.9]],
  ['infinite', [10, 10, Infinity, 60, 0.9]],
  ['outside the image', [200, 10, 230, 60, 0.9]],
  ['thin after clipping', [98, 10, 130, 60, 0.9]],
  ['inside out', [30, 10, 10, 60, 0.9]],
])('drops a box that is %s', (_, row) => {
  expect(select([row, [50, 10, 70, 60, 0.5]])).toEqual([[50, 10, 70, 60, 0.5]]);
});

test('filters by aspect when asked', () => {
  const rows = [
    [10, 10, 30, 60, 0.5],
    [40, 10, 90, 30, 0.5],
  ];
  expect(select(rows)).toHaveLength(2);
  expect(select(rows, { maxAspect: 1 })).toEqual([rows[0]]);
  expect(select(rows, { minAspect: 1 })).toEqual([rows[1]]);
});

test.each([{ maxDetections: 7 }, { maxCandidates: 7 }])('%j keeps the strongest seven of many', (options) => {
  const scores = Array.from({ length: 40 }, (_, k) => ((k * 17) % 40) / 64 + 0.25);
  const rows = scores.map((score, k) => [
    (k % 10) * 10,
    Math.floor(k / 10) * 20,
    (k % 10) * 10 + 6,
    Math.floor(k / 10) * 20 + 15,
    score,
  ]);
  const strongest = [...scores].sort((a, b) => b - a).slice(0, 7);
  expect(select(rows, options).map((row) => row[4])).toEqual(strongest);
});

test('an empty output gives no detections', () => {
  expect(select([])).toEqual([]);
});
