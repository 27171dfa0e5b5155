import { expect, test } from '@jest/globals';
import { Queue, type QueueOptions } from '../../controller/queue.ts';

function queueOf(work: (key: string) => Promise<void>, more: Partial<QueueOptions> = {}) {
  const failures: { key: string; message: string; retryInMs: number }[] = [];
  const queue = new Queue({
    work,
    workers: 2,
    maxKeys: 100,
    backoff: { minMs: 1, maxMs: 8, random: () => 1 },
    onFailure: (key, error, retryInMs) =>
      failures.push({ key, message: (error as Error).message, retryInMs }),
    ...more,
  });
  return { queue, failures };
}

/** Work that ends when the test says so. */
function gate() {
  const calls: string[] = [];
  const open: (() => void)[] = [];
  let wake = () => {};
  return {
    calls,
    work: (key: string) => {
      calls.push(key);
      wake();
      return new Promise<void>((resolve) => open.push(resolve));
    },
    release: () => open.shift()!(),
    called: async (times: number) => {
      while (calls.length < times) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

test('a key that waits is done once, and nothing is done before the start', async () => {
  const { calls, work, called, release } = gate();
  const { queue } = queueOf(work);
  for (const key of ['a', 'a', 'b', 'a']) queue.add(key);
  expect([calls, queue.size]).toEqual([[], 2]);
  queue.start();
  await called(2);
  expect(calls).toEqual(['a', 'b']);
  release();
  release();
  await queue.stop();
});

test('a key is never done in two places; wanted meanwhile, it is done once more afterwards', async () => {
  const { calls, work, called, release } = gate();
  const { queue } = queueOf(work);
  queue.start();
  queue.add('a');
  await called(1);
  queue.add('a');
  queue.add('a');
  expect(calls).toEqual(['a']);
  release();
  await called(2);
  release();
  await queue.stop();
  expect(calls).toEqual(['a', 'a']);
});

test('no more keys at a time than workers', async () => {
  const { calls, work, called, release } = gate();
  const { queue } = queueOf(work, { workers: 2 });
  queue.start();
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await called(2);
  expect(calls).toEqual(['a', 'b']);
  release();
  await called(3);
  expect(calls[2]).toBe('c');
  release();
  release();
  await queue.stop();
});

test('failures come back later and later, others are not held up, success forgets', async () => {
  let left = 3;
  let done!: () => void;
  const finished = new Promise<void>((resolve) => (done = resolve));
  const { queue, failures } = queueOf(async (key) => {
    if (key === 'good') return;
    if (left-- > 0) throw new Error('not yet');
    done();
  });
  queue.start();
  queue.add('bad');
  queue.add('good');
  await finished;
  expect(failures).toEqual([1, 2, 4].map((retryInMs) => ({ key: 'bad', message: 'not yet', retryInMs })));
  await queue.stop();
});

test('a server that names a time is not asked before it', async () => {
  const { queue, failures } = queueOf(async () => {
    throw Object.assign(new Error('busy'), { retryAfterMs: 5000 });
  });
  queue.start();
  queue.add('a');
  while (failures.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(failures[0]?.retryInMs).toBe(5000);
  await queue.stop();
});

test('there is a bound; keys that are known always find room', () => {
  const { queue } = queueOf(async () => {}, { maxKeys: 2 });
  expect(['a', 'b', 'c', 'a'].map((key) => queue.add(key))).toEqual([true, true, false, true]);
  expect(queue.addAfter('d', 1)).toBe(false);
});

test('of several wishes for later the earliest counts, and one for now ends them', async () => {
  const { calls, work, called, release } = gate();
  const { queue } = queueOf(work);
  queue.start();
  queue.addAfter('a', 60_000);
  queue.addAfter('a', 5);
  await called(1);
  release();
  queue.addAfter('b', 60_000);
  queue.add('b');
  await called(2);
  release();
  await queue.stop();
  expect([calls, queue.size]).toEqual([['a', 'b'], 0]);
});
