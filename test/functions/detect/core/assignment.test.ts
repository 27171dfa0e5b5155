import { expect, test } from '@jest/globals';
import { assign, createAssignmentSpace } from '../../../../functions/detect/core/assignment.ts';

const limit = 0.8;

function solve(cost: number[][], columns = cost[0]?.length ?? 0): number[] {
  const space = createAssignmentSpace(8, 8);
  space.cost.set(cost.flat());
  assign(space, cost.length, columns, limit);
  const chosen = [...space.columnOfRow.subarray(0, cost.length)];
  chosen.forEach((column, row) => {
    if (column >= 0) expect(space.rowOfColumn[column]).toBe(row);
  });
  expect([...space.rowOfColumn.subarray(0, columns)].filter((row) => row >= 0)).toHaveLength(
    chosen.filter((column) => column >= 0).length,
  );
  return chosen;
}

const gain = (cost: number[][], chosen: number[]) =>
  chosen.reduce((sum, column, row) => sum + (column < 0 ? 0 : limit - cost[row]![column]!), 0);

function bestGain(cost: number[][], row = 0, taken = new Set<number>()): number {
  if (row === cost.length) return 0;
  let best = bestGain(cost, row + 1, taken);
  cost[row]!.forEach((value, column) => {
    if (taken.has(column) || value >= limit) return;
    taken.add(column);
    best = Math.max(best, limit - value + bestGain(cost, row + 1, taken));
    taken.delete(column);
  });
  return best;
}

test('prefers the pairing that is best in sum over the one that is best first', () => {
  expect(
    solve([
      [0.1, 0.2],
      [0.15, 0.7],
    ]),
  ).toEqual([1, 0]);
});

test('never makes a pair at the limit or beyond, nor a forbidden one', () => {
  expect(
    solve([
      [limit, Infinity],
      [0.9, 0.79],
    ]),
  ).toEqual([-1, 1]);
});

test('leaves a row alone rather than spoil a better pair', () => {
  expect(solve([[0.1], [0.2]])).toEqual([0, -1]);
});

test.each([
  ['no columns', [[], []], [-1, -1]],
  ['no rows', [], []],
])('%s', (_, cost: number[][], expected) => {
  expect(solve(cost, 0)).toEqual(expected);
});

test('is as good as trying everything, on many small problems', () => {
  let seed = 7;
  const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
  for (let round = 0; round < 300; round++) {
    const rows = 1 + Math.floor(random() * 6);
    const columns = 1 + Math.floor(random() * 6);
    const density = random();
    const cost = Array.from({ length: rows }, () =>
      Array.from({ length: columns }, () => (random() < density ? random() : Infinity)),
    );
    expect(gain(cost, solve(cost))).toBeCloseTo(bestGain(cost), 9);
  }
});
