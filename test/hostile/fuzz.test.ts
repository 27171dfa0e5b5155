import { expect, test } from '@jest/globals';
import { fuzz } from './fuzz.ts';
import { Dice, mutateBytes, mutateValue } from './mutations.ts';

const faulty = (fault: string, cases = 3) =>
  fuzz('faulty', { seed: 1, cases, caseLimitMs: 2000, environment: { FAULT: fault } });

test.each([
  ['crash', /faulty, seed 1, case 0: the process ended with SIGSEGV/],
  ['hang', /faulty, seed 1, case 0: hangs for 2000 ms/],
  ['throw', /faulty, seed 1, case 0: TypeError: not of its own kind/],
])(
  'a target with the fault %s is found, with its case',
  async (fault, message) => {
    await expect(faulty(fault)).rejects.toThrow(message);
  },
  60_000,
);

test('memory that grows is seen, and none is seen where none does', async () => {
  expect((await faulty('leak', 300)).grownMiB).toBeGreaterThan(150);
  expect((await faulty('none', 300)).grownMiB).toBeLessThan(24);
}, 60_000);

test('one seed gives one row of inputs, another seed another', () => {
  const good = Buffer.from('{"a": [1, 2, {"b": "text"}], "c": null}');
  const row = (seed: number) => {
    const dice = new Dice(seed);
    return Array.from({ length: 50 }, () => [
      mutateBytes(dice, good).toString('hex'),
      JSON.stringify(mutateValue(dice, JSON.parse(good.toString()))),
    ]);
  };
  expect(row(1)).toEqual(row(1));
  expect(row(1)).not.toEqual(row(2));
  expect(new Set(row(1).map(String)).size).toBeGreaterThan(40);
});
