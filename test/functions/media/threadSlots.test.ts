import { expect, test } from '@jest/globals';
import { Slots } from '../../../functions/media/threadSlots.ts';

test('no more than so many run at once; all come in, in order, and a failure frees its place', async () => {
  const slots = new Slots(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const work = async (number: number) => {
    order.push(number);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    if (number % 3 === 0) throw new Error('fails');
    return number;
  };
  const results = await Promise.allSettled(
    [...Array(9).keys()].map((number) => slots.run(() => work(number))),
  );
  expect(most).toBe(2);
  expect(order).toEqual([...Array(9).keys()]);
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(3);
  expect(await slots.run(async () => 'free')).toBe('free');
});
