// Several addresses of one receiver, of which one takes events; single ones are tried in test/functions/host/emit.test.ts.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { TransientError } from '../../config/errors.ts';
import { binaryMessage } from '../../delivery/binding.ts';
import { defaultSinkOptions, Sink } from '../../delivery/sink.ts';
import { startReceiver, type Receiver } from './receiver.ts';

let receivers: [Receiver, Receiver];
let sink: Sink;

function open(deadlineMs: number): Sink {
  const addresses = receivers.map(({ url }) => url).join(' ');
  const options = { ...defaultSinkOptions, timeoutMs: 200, deadlineMs, firstDelayMs: 1, longestDelayMs: 5 };
  return new Sink(addresses, options, new AbortController().signal);
}

beforeEach(async () => {
  receivers = [await startReceiver(), await startReceiver()];
  sink = open(3000);
});
afterEach(async () => {
  await sink.close();
  for (const receiver of receivers) await receiver.close();
});

const standsBy = () => ({ status: 503, headers: { 'retry-after': '1' } });

function message(id: string) {
  const attributes = { specversion: '1.0', id, source: '/s', type: 't' };
  return binaryMessage({ attributes, data: { kind: 'value', value: {} } });
}

async function post(id: string): Promise<string[]> {
  const causes: string[] = [];
  await sink.post(message(id), (cause) => causes.push(cause));
  return causes;
}

test('the first of them is asked, and goes on being asked', async () => {
  await post('1');
  await post('2');
  expect(receivers.map((receiver) => receiver.ids())).toEqual([['1', '2'], []]);
});

test('one that stands by sends on to the next at once, which then keeps being asked', async () => {
  const [first, second] = receivers;
  first.answer = standsBy;
  // Retry-After of the one is no reason not to ask the other: there would be no time for it.
  await sink.close();
  sink = open(900);
  expect(await post('1')).toEqual(['503']);
  expect(await post('2')).toEqual([]);
  expect(second.ids()).toEqual(['1', '2']);
  second.answer = standsBy;
  first.answer = () => ({ status: 202 });
  expect(await post('3')).toEqual(['503']);
  expect(first.ids()).toEqual(['3']);
});

test('one that is gone, and one that says nothing, are left for the other', async () => {
  const [first, second] = receivers;
  first.answer = () => ({ status: 0, silent: true });
  expect(await post('1')).toEqual(['connection']);
  await second.close();
  first.answer = () => ({ status: 202 });
  expect(await post('2')).toEqual(['connection']);
  expect([first.ids(), second.ids()]).toEqual([['2'], ['1']]);
  receivers[1] = await startReceiver();
});

test('a queue that is full and a refusal are the answer of the owner: nobody else is asked', async () => {
  const [first, second] = receivers;
  let tries = 0;
  first.answer = () => ({ status: ++tries < 3 ? 429 : 202 });
  expect(await post('1')).toEqual(['429', '429']);
  first.answer = () => ({ status: 422 });
  await expect(post('2')).rejects.toThrow(/refuses the event: 422/);
  expect(second.requests).toEqual([]);
});

test('when all of them stand by they are asked again, not before Retry-After', async () => {
  for (const receiver of receivers) receiver.answer = standsBy;
  await expect(post('1')).rejects.toThrow(TransientError);
  const requests = receivers.map((receiver) => receiver.requests.length);
  expect(Math.min(...requests)).toBeGreaterThanOrEqual(2);
  expect(Math.max(...requests)).toBeLessThanOrEqual(4);
});

test('requests under way together pass to the next place once', async () => {
  const [first, second] = receivers;
  first.answer = standsBy;
  await Promise.all(['1', '2', '3', '4'].map(post));
  expect(second.ids().sort()).toEqual(['1', '2', '3', '4']);
  expect(first.ids()).toEqual([]);
});
