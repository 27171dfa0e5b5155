import { expect, test } from '@jest/globals';
import { createNewestSlot } from '../../../../functions/ingest/core/newestSlot.ts';

function slotWithCount() {
  const count = { drops: 0 };
  return { slot: createNewestSlot<number>(() => count.drops++), count };
}

test('who waits gets the next item; nothing is dropped', async () => {
  const { slot, count } = slotWithCount();
  const taken = slot.take();
  slot.put(1);
  expect(await taken).toBe(1);
  expect(count.drops).toBe(0);
});

test('who is busy gets the newest, and each item in between counts as dropped', async () => {
  const { slot, count } = slotWithCount();
  for (const item of [1, 2, 3, 4]) slot.put(item);
  expect(await slot.take()).toBe(4);
  expect(count.drops).toBe(3);
});

test('every item is either taken or dropped', async () => {
  const { slot, count } = slotWithCount();
  let taken = 0;
  for (let item = 0; item < 50; item++) {
    slot.put(item);
    if (item % 7 === 3 && (await slot.take()) !== undefined) taken++;
  }
  slot.close();
  while ((await slot.take()) !== undefined) taken++;
  expect(taken + count.drops).toBe(50);
});

test('closing wakes who waits, lets the last item be taken and refuses more', async () => {
  const { slot } = slotWithCount();
  const waiting = slot.take();
  slot.close();
  expect(await waiting).toBeUndefined();
  const other = slotWithCount().slot;
  other.put(1);
  other.close();
  other.put(2);
  expect([await other.take(), await other.take()]).toEqual([1, undefined]);
});
