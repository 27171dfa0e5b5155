import { expect, test } from '@jest/globals';
import { Lanes } from '../../../functions/host/lanes.ts';
import { deferred } from './support.ts';

test('deliveries of one key keep their order, others pass by', async () => {
  const lanes = new Lanes(4);
  const first = deferred();
  const done: string[] = [];
  await lanes.add('a', async () => {
    await first.promise;
    done.push('a1');
  });
  await lanes.add('a', async () => void done.push('a2'));
  await lanes.add('b', async () => void done.push('b1'));
  await new Promise(setImmediate);
  expect(done).toEqual(['b1']);
  first.resolve();
  await lanes.idle();
  expect(done).toEqual(['b1', 'a1', 'a2']);
});

test('no more than the bound are under way', async () => {
  const lanes = new Lanes(2);
  const gate = deferred();
  let added = 0;
  const adding = (async () => {
    for (let i = 0; i < 5; i++) {
      await lanes.add('a', () => gate.promise);
      added += 1;
    }
  })();
  await new Promise(setImmediate);
  expect(added).toBe(2);
  gate.resolve();
  await adding;
  await lanes.idle();
  expect(added).toBe(5);
});

test('a delivery that fails does not hold the next one', async () => {
  const lanes = new Lanes(4);
  const done: string[] = [];
  await lanes.add('a', () => Promise.reject(new Error('refused')));
  await lanes.add('a', async () => void done.push('a2'));
  await lanes.idle();
  expect(done).toEqual(['a2']);
});
