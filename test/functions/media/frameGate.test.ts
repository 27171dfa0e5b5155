import { expect, test } from '@jest/globals';
import { createFrameGate } from '../../../functions/media/frameGate.ts';

function taken(fps: number | undefined, times: number[]): number[] {
  const gate = createFrameGate(fps);
  return times.filter((time) => gate(time));
}

test('without a limit every frame is taken', () => {
  expect(taken(undefined, [0, 0, 0.01])).toEqual([0, 0, 0.01]);
});

test('the choice depends on the times alone: a missing frame changes nothing behind it', () => {
  const times = [...Array(100).keys()].map((number) => number / 10);
  const all = taken(3, times);
  const some = taken(
    3,
    times.filter((_time, at) => at !== 40),
  );
  expect(some.filter((time) => time > 4.3)).toEqual(all.filter((time) => time > 4.3));
});

test('the average rate is the limit even when it does not divide the rate of the source', () => {
  const times = [...Array(3000).keys()].map((number) => number / 30);
  expect(taken(7, times)).toHaveLength(700);
});

test('a clock that steps back does not stop the frames', () => {
  expect(taken(1, [10, 10.5, 3, 3.5, 4])).toEqual([10, 3, 4]);
});
