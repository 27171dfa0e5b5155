import { expect, test } from '@jest/globals';
import { FramePlacer, type FramePlacerOptions } from '../../../functions/media/framePlacer.ts';

function place(ticks: (bigint | undefined)[], more: Partial<FramePlacerOptions> = {}) {
  const options = {
    secondsPerTick: 0.001,
    frameInterval: 0.04,
    startTicks: undefined,
    skipUntimed: false,
    fps: undefined,
  };
  const placer = new FramePlacer({ ...options, ...more });
  return ticks.map((value) => placer.place(value, undefined));
}

function times(placed: { time: number }[]): number[] {
  return placed.map(({ time }) => Number(time.toFixed(6)));
}

test('time counts from the first picture, or from where the file begins', () => {
  expect(times(place([5000n, 5040n]))).toEqual([0, 0.04]);
  expect(times(place([5000n, 5040n], { startTicks: 4900n }))).toEqual([0.1, 0.14]);
});

test('pictures without a timestamp follow at the usual distance', () => {
  expect(times(place([0n, undefined, undefined, 120n]))).toEqual([0, 0.04, 0.08, 0.12]);
  expect(times(place([undefined, undefined]))).toEqual([0, 0.04]);
});

test('live pictures before the first timestamp are counted but left out', () => {
  const placed = place([undefined, 700n, 740n], { skipUntimed: true });
  expect(placed.map(({ wanted }) => wanted)).toEqual([false, true, true]);
  expect(placed.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(times(placed.slice(1))).toEqual([0, 0.04]);
});

test('time rises strictly whatever the timestamps do', () => {
  const placed = times(place([100n, 100n, 60n, 140n, 140n, 180n]));
  for (const [at, time] of placed.entries()) if (at > 0) expect(time).toBeGreaterThan(placed[at - 1]!);
  expect(placed.at(-1)).toBe(0.08);
});

test('without timestamps of its own the stream takes the times of arrival', () => {
  const placer = new FramePlacer({
    secondsPerTick: 1,
    frameInterval: 0.04,
    startTicks: undefined,
    skipUntimed: true,
    fps: 2,
  });
  const placed = [100, 100.2, 100.6].map((arrived) => placer.place(undefined, arrived));
  expect(times(placed)).toEqual([0, 0.2, 0.6]);
  expect(placed.map(({ wanted }) => wanted)).toEqual([true, false, true]);
});
