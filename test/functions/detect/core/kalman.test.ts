import { expect, test } from '@jest/globals';
import {
  centreDeviation,
  correct,
  filterLength,
  predict,
  startFilter,
  writeBox,
} from '../../../../functions/detect/core/kalman.ts';
import { defaultTrackerOptions as options } from '../../../../functions/detect/core/trackerOptions.ts';

const start = [100, 50, 140, 150];

function startedFilter(): Float64Array {
  const filter = new Float64Array(filterLength);
  startFilter(filter, start, 0, options);
  return filter;
}

function boxOf(filter: Float64Array): number[] {
  const box = new Float64Array(4);
  writeBox(filter, box);
  return [...box];
}

/** Follows a box that moves by `speed` pixels a second, seen `count` times. */
function follow(speed: number, dtSeconds: number, count: number): Float64Array {
  const filter = startedFilter();
  for (let k = 1; k <= count; k++) {
    const x = speed * k * dtSeconds;
    predict(filter, dtSeconds, false, options);
    correct(filter, [start[0]! + x, start[1]!, start[2]! + x, start[3]!], 0, 1, options);
  }
  return filter;
}

test('starts at the box', () => {
  expect(boxOf(startedFilter())).toEqual(start);
});

test('one long step predicts the same as many short ones', () => {
  const once = follow(40, 0.2, 5);
  const often = once.slice();
  predict(once, 1, false, options);
  for (let k = 0; k < 10; k++) predict(often, 0.1, false, options);
  expect([...often].map((value) => value.toFixed(6))).toEqual([...once].map((value) => value.toFixed(6)));
});

test.each([0.04, 0.2, 1])('learns a steady speed from frames %d s apart', (dtSeconds) => {
  const filter = follow(60, dtSeconds, Math.ceil(4 / dtSeconds));
  const before = boxOf(filter)[0]!;
  predict(filter, 0.5, false, options);
  expect(boxOf(filter)[0]! - before).toBeCloseTo(30, -0.5);
});

test('grows unsure while nothing is seen and sure again when something is', () => {
  const filter = follow(0, 0.2, 10);
  const settled = centreDeviation(filter, 0);
  predict(filter, 1, true, options);
  const lost = centreDeviation(filter, 0);
  correct(filter, start, 0, 1, options);
  expect(lost).toBeGreaterThan(3 * settled);
  expect(centreDeviation(filter, 0)).toBeLessThan(lost / 2);
});

test('a noisier box moves the filter less', () => {
  const moved = [110, 50, 150, 150];
  const [sure, unsure] = [1, 2].map((noiseScale) => {
    const filter = follow(0, 0.2, 10);
    correct(filter, moved, 0, noiseScale, options);
    return boxOf(filter)[0]!;
  });
  expect(unsure).toBeLessThan(sure!);
  expect(unsure).toBeGreaterThan(start[0]!);
});

test('a frozen size neither grows nor shrinks', () => {
  const filter = startedFilter();
  for (let k = 1; k <= 5; k++) {
    predict(filter, 0.2, false, options);
    correct(filter, [100 - 4 * k, 50 - 10 * k, 140 + 4 * k, 150 + 10 * k], 0, 1, options);
  }
  const height = filter[15]!;
  predict(filter, 1, true, options);
  expect(filter[15]).toBe(height);
});

test('a shrinking box never turns inside out', () => {
  const filter = startedFilter();
  predict(filter, 0.2, false, options);
  correct(filter, [118, 95, 122, 105], 0, 1, options);
  predict(filter, 60, false, options);
  const [left, top, right, bottom] = boxOf(filter);
  expect(right).toBeGreaterThan(left!);
  expect(bottom).toBeGreaterThan(top!);
});
