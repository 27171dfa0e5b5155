import { expect, test } from '@jest/globals';
import { Patience } from '../../controller/patience.ts';

test('what is on the way waits a moment, counted from when there was first something to say', () => {
  let nowMs = 5000;
  const patience = new Patience(1000, () => nowMs);
  expect(patience.leftMs('a')).toBe(1000);
  nowMs += 700;
  expect([patience.leftMs('a'), patience.leftMs('b')]).toEqual([300, 1000]);
  nowMs += 300;
  expect([patience.leftMs('a'), patience.leftMs('b')]).toEqual([0, 700]);
  nowMs += 60_000;
  expect(patience.leftMs('a')).toBe(0);
});

test('once it was said, the next has a moment of its own', () => {
  let nowMs = 0;
  const patience = new Patience(1000, () => nowMs);
  patience.leftMs('a');
  nowMs += 2000;
  patience.end('a');
  expect(patience.leftMs('a')).toBe(1000);
});
