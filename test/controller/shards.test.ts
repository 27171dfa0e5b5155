import { expect, test } from '@jest/globals';
import { shardsOf } from '../../controller/shards.ts';

const cameras = (count: number) => Array.from({ length: count }, (_, i) => `camera-${i}`);

test.each([
  [1, 1],
  [2, 2],
  [5, 2],
  [7, 3],
  [128, 16],
  [2, 5],
])('%i cameras on %i workers: everyone gets as many as the next, give or take one', (count, workers) => {
  const shards = shardsOf(cameras(count), workers);
  expect(shards).toHaveLength(workers);
  expect(shards.flat().sort()).toEqual(cameras(count).sort());
  const sizes = shards.map(({ length }) => length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
});

test('the order in which cameras are listed changes nothing', () => {
  expect(shardsOf(cameras(9).reverse(), 4)).toEqual(shardsOf(cameras(9), 4));
});

test('when one camera comes or one worker more, most cameras stay where they are', () => {
  const placeOf = (shards: string[][]) =>
    new Map(shards.flatMap((ids, shard) => ids.map((id) => [id, shard] as const)));
  const moved = (before: string[][], after: string[][]) =>
    [...placeOf(before)].filter(([id, shard]) => placeOf(after).get(id) !== shard).length;
  const before = shardsOf(cameras(64), 4);
  expect(moved(before, shardsOf([...cameras(64), 'another'], 4))).toBeLessThan(16);
  // A fifth of them has to.
  expect(moved(before, shardsOf(cameras(64), 5))).toBeLessThan(32);
});
