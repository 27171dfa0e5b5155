import { expect, test } from '@jest/globals';
import { backoffMs } from '../../../../functions/ingest/core/backoff.ts';
import { createFileClock, createLiveClock } from '../../../../functions/ingest/core/mediaClock.ts';
import { createRateMeter } from '../../../../functions/ingest/core/rateMeter.ts';

const limits = { firstMs: 1000, mostMs: 30_000 };

test.each([
  [1, 0, 1000],
  [1, 1, 2000],
  [2, 0, 2000],
  [2, 1, 4000],
  [5, 0, 15_000],
  [5, 1, 30_000],
  [1000, 1, 30_000],
])('after %d failures and with chance %d a camera waits %d ms', (failures, random, expected) => {
  expect(backoffMs(failures, random, limits)).toBe(expected);
});

test('a recording counts from its start time, whatever the wall clock says', () => {
  const clock = createFileClock(1000);
  expect([clock.at(0, 5), clock.at(2.5, 99_999)]).toEqual([1000, 1002.5]);
});

test('a camera counts from the wall clock at its first frame, with the distances of the stream', () => {
  const clock = createLiveClock();
  expect(clock.at(7, 1000)).toBe(1000);
  expect(clock.at(7.1, 1000.4)).toBeCloseTo(1000.1, 9);
  expect(clock.at(7.2, 1000.41)).toBeCloseTo(1000.2, 9);
});

test.each([
  ['leaps ahead', 900],
  ['starts again', 0],
])('a stream clock that %s is set to the wall clock, and time goes on rising', (_what, broken) => {
  const clock = createLiveClock();
  clock.at(100, 1000);
  expect(clock.at(broken, 1001)).toBeCloseTo(1001, 9);
  expect(clock.at(broken + 0.1, 1001.1)).toBeCloseTo(1001.1, 9);
});

test('time rises even when frames carry the same time or the wall clock is set back', () => {
  const clock = createLiveClock(2000);
  const times = [clock.at(0, 1999), clock.at(0, 1999), clock.at(0.1, 1990), clock.at(0.2, 1990.1)];
  for (const [at, time] of times.entries()) expect(time).toBeGreaterThan(at === 0 ? 2000 : times[at - 1]!);
});

test('the rate is that of the last five seconds', () => {
  const meter = createRateMeter();
  expect(meter.perSecond(0)).toBe(0);
  for (let ms = 0; ms < 20_000; ms += 100) meter.add(ms);
  expect(meter.perSecond(19_999)).toBeCloseTo(10, 0);
  for (let ms = 20_000; ms < 25_000; ms += 500) meter.add(ms);
  expect(meter.perSecond(24_999)).toBeCloseTo(2, 0);
  expect(meter.perSecond(40_000)).toBe(0);
});

test('a rate is there soon after the start', () => {
  const meter = createRateMeter();
  for (let ms = 7000; ms < 8000; ms += 50) meter.add(ms);
  expect(meter.perSecond(8000)).toBeCloseTo(20, 0);
});
