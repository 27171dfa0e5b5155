import { createServer } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { start as startRuntime } from 'faas-js-runtime';
import { PermanentError, TransientError } from '../../../functions/function.ts';
import { binaryMessage, parse, structuredMessage } from '../../../delivery/binding.ts';
import { fromEnvelope, toEnvelope } from '../../../functions/host/codec.ts';
import { toFaas } from '../../../functions/host/faas.ts';
import { frame, silent, streamEnded, tracks } from './support.ts';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StageEvent } from '../../../config/events.ts';
import type { StageFunction } from '../../../functions/function.ts';

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

/** A stage under the real runtime; the result is its URL. */
async function run(stage: StageFunction) {
  const emitted: StageEvent[] = [];
  const faas = toFaas({ stage, emit: async (event) => void emitted.push(event), log: silent });
  const options = { port: await freePort(), logLevel: 'silent', bodyLimit: 16 << 20 };
  server = await startRuntime(faas as never, options as never);
  return { url: `http://127.0.0.1:${options.port}/`, emitted, faas };
}

/** The runtime takes 0 for its default, so it needs a number. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function post(url: string, event: StageEvent, write = binaryMessage) {
  const { headers, parts } = write(toEnvelope(event));
  return fetch(url, { method: 'POST', headers, body: Buffer.concat(parts) });
}

test('binary CBOR in, binary CBOR out', async () => {
  const got: StageEvent[] = [];
  let started = false;
  const { url } = await run({
    init: async () => void (started = true),
    async handle(event) {
      got.push(event);
      return tracks('a', 1);
    },
  });
  const answer = await post(url, frame('a', 1, 100, 60));
  expect([started, answer.status]).toEqual([true, 200]);
  expect(got[0]).toMatchObject(frame('a', 1, 100, 60));
  const headers = Object.fromEntries(answer.headers);
  const [reply] = parse(headers, Buffer.from(await answer.arrayBuffer()), { batch: false });
  expect(fromEnvelope(reply!)).toMatchObject(tracks('a', 1));
});

test.each([
  ['binary', binaryMessage],
  ['structured', structuredMessage],
])('JSON events in %s mode', async (_mode, write) => {
  const got: StageEvent[] = [];
  const { url } = await run({ handle: async (event) => void got.push(event) });
  expect((await post(url, streamEnded('a'), write)).status).toBe(202);
  expect(got[0]).toMatchObject(streamEnded('a'));
});

test('several outputs are sent on, and there is no reply', async () => {
  const { url, emitted } = await run({ handle: async () => [tracks('a', 1), tracks('a', 2)] });
  expect((await post(url, streamEnded('a'))).status).toBe(202);
  expect(emitted.map(({ id }) => id)).toEqual(['a-1', 'a-2']);
});

test.each([
  [new PermanentError('bad'), 422],
  [new TransientError('later'), 503],
  [new Error('bug'), 500],
])('%s: %d', async (error, status) => {
  const { url } = await run({ handle: () => Promise.reject(error) });
  expect((await post(url, streamEnded('a'))).status).toBe(status);
});

test('poison is refused before the stage sees it', async () => {
  const { url } = await run({ handle: () => Promise.reject(new Error('must not be called')) });
  expect((await post(url, { ...streamEnded('a'), data: {} })).status).toBe(422);
});

test('health and shutdown reach the stage', async () => {
  let ended = false;
  const readiness = () => {
    throw new Error('loading');
  };
  const { url, faas } = await run({
    handle: async () => undefined,
    readiness,
    shutdown: async () => void (ended = true),
  });
  expect((await fetch(`${url}health/readiness`)).status).toBe(503);
  expect((await fetch(`${url}health/liveness`)).status).toBe(200);
  await faas.shutdown();
  expect(ended).toBe(true);
});
