import { expect, test } from '@jest/globals';
import { Patience } from '../../controller/patience.ts';

test('what is on the way waits a moment, counted from when there was first something to say', () => {
  let nowMs = 5000;
  const patience = new Patience(
    () => false,
    () => nowMs,
  );
  expect(patience.leftMs('a', false)).toBe(3000);
  nowMs += 2700;
  expect([patience.leftMs('a', false), patience.leftMs('b', false)]).toEqual([300, 3000]);
  nowMs += 300;
  expect([patience.leftMs('a', false), patience.leftMs('b', false)]).toEqual([0, 2700]);
  nowMs += 60_000;
  expect(patience.leftMs('a', false)).toBe(0);
});

test('how many of them have come can wait longer than that they are coming', () => {
  let nowMs = 0;
  const patience = new Patience(
    () => false,
    () => nowMs,
  );
  expect(patience.leftMs('a', true)).toBe(10_000);
  nowMs += 4000;
  expect([patience.leftMs('a', true), patience.leftMs('a', false)]).toEqual([6000, 0]);
});

test('once it was said, the next has a time of its own', () => {
  let nowMs = 0;
  const patience = new Patience(
    () => false,
    () => nowMs,
  );
  patience.leftMs('a', false);
  nowMs += 4000;
  patience.end('a');
  expect(patience.leftMs('a', false)).toBe(3000);
});

test('while many tasks have not been looked at, they come first', () => {
  let [isBusy, nowMs] = [true, 0];
  const patience = new Patience(
    () => isBusy,
    () => nowMs,
  );
  expect([patience.leftMs('a', false), patience.leftMs('b', true)]).toEqual([20_000, 10_000]);
  nowMs += 4000;
  expect(patience.leftMs('a', false)).toBe(16_000);
  isBusy = false;
  expect(patience.leftMs('a', false)).toBe(0);
});
