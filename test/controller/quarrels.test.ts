import { expect, test } from '@jest/globals';
import { Quarrels } from '../../controller/quarrels.ts';

function quarrelsAt() {
  const clock = { nowMs: 0 };
  const quarrels = new Quarrels({
    patience: 2,
    minMs: 1000,
    maxMs: 4000,
    calmMs: 10_000,
    nowMs: () => clock.nowMs,
  });
  return { clock, quarrels };
}

test('the first repetitions are made at once, later ones after longer and longer pauses, up to the longest', () => {
  const { clock, quarrels } = quarrelsAt();
  const pauses: number[] = [];
  for (let round = 0; round < 8; round++) {
    const pause = quarrels.pauseMs('a', 'x');
    pauses.push(pause);
    clock.nowMs += pause;
    expect(quarrels.pauseMs('a', 'x')).toBe(0);
    quarrels.note('a', 'x');
  }
  expect(pauses).toEqual([0, 0, 0, 1000, 2000, 4000, 4000, 4000]);
});

test('something else is no repetition, and neither is something of another name', () => {
  const { quarrels } = quarrelsAt();
  for (let round = 0; round < 4; round++) quarrels.note('a', 'x', 'they do it');
  expect([quarrels.isOne('a', 'x'), quarrels.isOne('a', 'y'), quarrels.isOne('b', 'x')]).toEqual([
    true,
    false,
    false,
  ]);
  quarrels.note('a', 'y');
  expect([quarrels.isOne('a', 'x'), quarrels.wordsOf('a')]).toEqual([false, undefined]);
});

test('the words stay over repetitions that ask nobody, and end with the quarrel', () => {
  const { clock, quarrels } = quarrelsAt();
  quarrels.note('a', 'x', 'they do it');
  quarrels.note('a', 'x');
  expect(quarrels.wordsOf('a')).toBe('they do it');
  clock.nowMs += 10_000;
  expect([quarrels.wordsOf('a'), quarrels.pauseMs('a', 'x')]).toEqual([undefined, 0]);
  quarrels.note('a', 'x');
  expect(quarrels.isOne('a', 'x')).toBe(false);
});
