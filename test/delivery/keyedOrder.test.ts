// The order in which a receiver begins on events of one key, with failures among them.
import { expect, test } from '@jest/globals';
import { KeyedOrder } from '../../delivery/jetstream/keyedOrder.ts';
import { until } from './receiver.ts';

interface Try {
  id: string;
  finish: (againMs?: number) => void;
}

function world(perKey: number) {
  const tries: Try[] = [];
  const order = new KeyedOrder<string>({
    perKey,
    work: (id) => new Promise((resolve) => tries.push({ id, finish: (againMs) => resolve(againMs) })),
  });
  return { order, tries, begun: () => tries.map(({ id }) => id) };
}

test('keys do not wait for each other, and a key has so many under way', () => {
  const { order, begun } = world(2);
  ['a1', 'a2', 'a3'].forEach((id, i) => order.add('a', i, id));
  order.add('b', 3, 'b1');
  expect(begun()).toEqual(['a1', 'a2', 'b1']);
});

test('after a failure nothing later begins before what failed is done, one at a time', async () => {
  const { order, tries, begun } = world(3);
  ['1', '2', '3', '4', '5'].forEach((id, i) => order.add('a', i, id));
  tries[1]!.finish(1);
  tries[0]!.finish();
  await Promise.resolve();
  expect(begun()).toEqual(['1', '2', '3']);
  tries[2]!.finish(1);
  await until(() => tries.length === 4, 'tried again');
  expect(begun().slice(3)).toEqual(['2']);
  tries[3]!.finish();
  await until(() => tries.length === 5, 'the next one that failed');
  expect(begun().slice(4)).toEqual(['3']);
  tries[4]!.finish();
  await until(() => tries.length === 7, 'the others');
  expect(begun().slice(5)).toEqual(['4', '5']);
});

test('an ending waits for what is under way and begins nothing more', async () => {
  const { order, tries, begun } = world(1);
  order.add('a', 0, '1');
  order.add('a', 1, '2');
  expect([...order.items()]).toEqual(['2']);
  const ended = order.end();
  order.add('b', 2, '3');
  tries[0]!.finish(1);
  await ended;
  expect(begun()).toEqual(['1']);
});
