// What workers of a task know each other by, over real HTTP: who is let in, what is shown to whom, and how it is replaced.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { binaryMessage } from '../../../delivery/binding.ts';
import { toEnvelope } from '../../../functions/host/codec.ts';
import { startReceiver, type Receiver } from '../../delivery/receiver.ts';
import { cleanUp, frame, recordingLog, start, tracks, until } from './support.ts';

const [before, after] = ['token-of-the-task-before', 'token-of-the-task-after'];
let folder: string;
let file: string;
let receiver: Receiver;
let handled: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'task-token-'));
  file = join(folder, 'token');
  writeFileSync(file, `${before}\n`);
  receiver = await startReceiver();
  handled = [];
});
afterEach(async () => {
  await cleanUp();
  await receiver.close();
  rmSync(folder, { recursive: true });
});

/** As the kubelet does: all at once. */
function replace(text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

const embed = {
  async handle(event: { id: string }) {
    handled.push(event.id);
  },
};
const worker = (more: Parameters<typeof start>[1] = {}) =>
  start({ embed }, { host: '0.0.0.0', taskToken: { file, isAsked: true }, ...more });

async function post(url: string, authorization?: string, body?: string) {
  const message = binaryMessage(toEnvelope(tracks('a', 1)));
  const answer = await fetch(url, {
    method: 'POST',
    headers: { ...message.headers, ...(authorization !== undefined && { authorization }) },
    body: body ?? Buffer.concat(message.parts),
  });
  return {
    status: answer.status,
    challenge: answer.headers.get('www-authenticate'),
    text: await answer.text(),
  };
}

test('an event with the token is taken', async () => {
  const { url } = await worker();
  expect((await post(url, `Bearer ${before}`)).status).toBe(202);
  expect(handled).toEqual(['a-1']);
});

test.each([
  ['nothing', undefined],
  ['another token', `Bearer ${after}`],
  ['the beginning of the token', `Bearer ${before.slice(0, -1)}`],
  ['more than the token', `Bearer ${before}x`],
  ['the token in another scheme', `Basic ${before}`],
  ['no token at all', 'Bearer '],
])('a stranger who shows %s is refused before the body is looked at', async (_what, authorization) => {
  const { lines, log } = recordingLog();
  const { url } = await worker({ log });
  for (let i = 0; i < 20; i++) {
    const { status, challenge, text } = await post(url, authorization, 'no event');
    expect([status, challenge]).toEqual([401, 'Bearer realm="task"']);
    expect(text).not.toContain(before);
  }
  expect(handled).toEqual([]);
  const refusals = lines.filter(({ message }) => message === 'events refused');
  expect(refusals).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toMatch(/token-of-the-task/);
});

test('health and metrics need no token', async () => {
  const { url } = await worker();
  for (const path of ['healthz', 'readyz', 'metrics'])
    expect((await fetch(`${url}${path}`)).status).toBe(200);
});

test('while a token is being replaced both count, afterwards only the new one', async () => {
  const { url } = await worker();
  replace(`${after}\n${before}\n`);
  await until(() => handled.length > 0 || (void post(url, `Bearer ${after}`), false), 'the new one counts');
  expect((await post(url, `Bearer ${before}`)).status).toBe(202);
  replace(`${after}\n`);
  let status = 0;
  const ask = async () => ({ status } = await post(url, `Bearer ${before}`));
  await until(() => status === 401 || (void ask(), false), 'the old one does not');
  expect((await post(url, `Bearer ${after}`)).status).toBe(202);
});

test.each([
  ['is not there', () => rmSync(file)],
  ['holds one that can be guessed', () => replace('short\n')],
])('when the file %s nobody is let in, and is told to come again', async (_what, spoil) => {
  const { url } = await worker();
  spoil();
  expect((await post(url, `Bearer ${before}`)).status).toBe(503);
  expect(handled).toEqual([]);
});

test('a worker behind a Broker lets it in without a token', async () => {
  const { url } = await worker({ taskToken: { file, isAsked: false } });
  expect((await post(url)).status).toBe(202);
});

const passOn = {
  async handle() {},
  async init({ emit }: { emit: (event: object) => Promise<void> }) {
    void emit(frame('a', 1));
  },
};

test('workers show it to each other, the older one where only that is known', async () => {
  replace(`${after}\n${before}\n`);
  receiver.answer = (_ids, { authorization }) => ({
    status: authorization === `Bearer ${before}` ? 202 : 401,
  });
  await start(
    { ingest: passOn as never },
    { taskToken: { file, isAsked: true }, config: { sinks: { [frame('a', 1).type]: receiver.url } } },
  );
  await until(() => receiver.taken.length === 1, 'the frame has arrived');
  expect(receiver.requests.map(({ headers }) => headers.authorization)).toEqual([
    `Bearer ${after}`,
    `Bearer ${before}`,
  ]);
});

test.each([
  ['a Broker', (url: string) => ({ config: { sinks: { [frame('a', 1).type]: url }, broker: url } })],
  ['a sink that is no worker of the task', (url: string) => ({ defaultSink: url })],
])('%s is shown no token', async (_what, options) => {
  await start({ ingest: passOn as never }, { taskToken: { file, isAsked: true }, ...options(receiver.url) });
  await until(() => receiver.taken.length === 1, 'the frame has arrived');
  expect(receiver.requests[0]!.headers.authorization).toBeUndefined();
});
