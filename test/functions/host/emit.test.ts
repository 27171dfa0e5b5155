import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PermanentError, TransientError } from '../../../functions/function.ts';
import { Emitter } from '../../../functions/host/emit.ts';
import { Metrics } from '../../../functions/host/metrics.ts';
import { deferred, frame, streamEnded, until } from './support.ts';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StageEvent } from '../../../config/events.ts';
import type { EmitterOptions } from '../../../functions/host/emit.ts';

/** A receiver that answers as the test says, and keeps what it got. */
let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse, id: string) => void;
let got: { id: string; headers: IncomingHttpHeaders; body: Buffer }[];
let stopped: AbortController;
let emitter: Emitter;
let metrics: Metrics;

beforeEach(async () => {
  got = [];
  stopped = new AbortController();
  metrics = new Metrics();
  answer = (_request, response) => void response.writeHead(202).end();
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const id = String(request.headers['ce-id']);
      got.push({ id, headers: request.headers, body: Buffer.concat(chunks) });
      answer(request, response, id);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in?x=1`;
});

afterEach(async () => {
  stopped.abort();
  await emitter.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function create(options: Partial<EmitterOptions> = {}) {
  emitter = new Emitter({ firstDelayMs: 1, longestDelayMs: 5, ...options }, metrics, stopped.signal);
  return (event: StageEvent) => emitter.send(url, event);
}

const numbered = (i: number, key = 'a') => ({ ...streamEnded(key), id: `${key}${i}` });

test('binary mode, attributes of the event, traceparent and overrides', async () => {
  const send = create({ overrides: { tenant: 'x y' } });
  const event = {
    ...frame('a', 1, 30, 20),
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  await send(event);
  expect(got[0]!.headers).toMatchObject({
    'ce-specversion': '1.0',
    'ce-id': 'a-1',
    'ce-partitionkey': 'a',
    'ce-tenant': 'x%20y',
    'ce-traceparent': event.traceparent,
    traceparent: event.traceparent,
    'content-type': 'application/cbor',
    'content-length': String(got[0]!.body.length),
  });
  expect(got[0]!.body.subarray(-1800)).toEqual(Buffer.from(event.data.pixels));
});

describe('tries again', () => {
  test.each([404, 408, 409, 429, 500, 502, 503, 504])('on %d', async (status) => {
    answer = (_request, response) => void response.writeHead(got.length < 3 ? status : 202).end('later');
    await create()(numbered(1));
    expect(got.map(({ id }) => id)).toEqual(['a1', 'a1', 'a1']);
    expect(await metrics.registry.metrics()).toMatch(
      new RegExp(`mei_send_retries_total{.*cause="${status}"} 2`),
    );
  });

  test('when the connection breaks', async () => {
    answer = (request, response) =>
      void (got.length < 3 ? request.socket.destroy() : response.writeHead(202).end());
    await create()(numbered(1));
    expect(got).toHaveLength(3);
  });

  test('when no answer comes in time', async () => {
    answer = (_request, response) => void (got.length > 1 && response.writeHead(202).end());
    await create({ timeoutMs: 100 })(numbered(1));
    expect(got).toHaveLength(2);
  });

  test('not before Retry-After: others go first meanwhile', async () => {
    answer = (_request, response, id) =>
      void response
        .writeHead(id === 'a1' && !got.some((each) => each.id === 'b3') ? 429 : 202, { 'retry-after': '1' })
        .end();
    const send = create();
    const delayed = send(numbered(1));
    for (const i of [1, 2, 3]) await send(numbered(i, 'b'));
    await delayed;
    expect(got.map(({ id }) => id)).toEqual(['a1', 'b1', 'b2', 'b3', 'a1']);
  });

  test('until the deadline, then TransientError with the reason', async () => {
    answer = (_request, response) => void response.writeHead(503).end('{"detail":"no room"}');
    const sent = create({ deadlineMs: 60 })(numbered(1));
    await expect(sent).rejects.toThrow(TransientError);
    await expect(sent).rejects.toThrow(/does not take the event: 503 no room/);
  });

  test('until the worker stops', async () => {
    answer = () => undefined;
    const sent = create()(numbered(1));
    await until(() => got.length === 1, 'sent');
    stopped.abort();
    await expect(sent).rejects.toThrow(TransientError);
  });
});

test.each([400, 401, 403, 405, 410, 413, 415, 422, 302])(
  '%d is final: PermanentError after one try',
  async (status) => {
    answer = (_request, response) =>
      void response.writeHead(status, { location: '/' }).end('{"detail":"bad\\u0020data"}');
    const sent = create()(numbered(1));
    await expect(sent).rejects.toThrow(PermanentError);
    await expect(sent).rejects.toThrow(new RegExp(`${status} bad data`));
    expect(got).toHaveLength(1);
  },
);

test('a reply that nobody asked for is read and dropped', async () => {
  answer = (_request, response) => void response.writeHead(200, { 'ce-id': 'x' }).end('reply');
  await create()(numbered(1));
  expect(got).toHaveLength(1);
});

test('events of a key arrive in order although tries fail; other keys do not wait', async () => {
  const delivered: string[] = [];
  answer = (_request, response, id) => {
    // Every event fails at first, and the first one of key a until all of b are through.
    const tries = got.filter((each) => each.id === id).length;
    const refuse = id === 'a0' ? delivered.filter((each) => each.startsWith('b')).length < 20 : tries < 2;
    if (!refuse) delivered.push(id);
    response.writeHead(refuse ? 429 : 202).end();
  };
  const send = create();
  const keys = ['a', 'b'].flatMap((key) => Array.from({ length: 20 }, (_, i) => send(numbered(i, key))));
  await Promise.all(keys);
  for (const key of ['a', 'b'])
    expect(delivered.filter((id) => id.startsWith(key))).toEqual(
      Array.from({ length: 20 }, (_, i) => `${key}${i}`),
    );
});

test('a refused event does not hold up the ones behind it', async () => {
  answer = (_request, response, id) => void response.writeHead(id === 'a0' ? 422 : 202).end();
  const send = create();
  const outcomes = await Promise.allSettled([0, 1, 2].map((i) => send(numbered(i))));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
});

test('no more requests at a time than allowed, and one per key', async () => {
  const open = deferred();
  let underWay = 0;
  let most = 0;
  answer = (_request, response) => {
    most = Math.max(most, ++underWay);
    void open.promise.then(() => {
      underWay--;
      response.writeHead(202).end();
    });
  };
  const send = create({ inFlight: 3 });
  const sent = ['a', 'b', 'c', 'd', 'e'].flatMap((key) => [1, 2].map((i) => send(numbered(i, key))));
  await until(() => underWay === 3, 'three requests');
  expect(new Set(got.map(({ id }) => id[0])).size).toBe(3);
  open.resolve();
  await Promise.all(sent);
  expect(most).toBe(3);
});

test('an event that is not valid is refused before it is sent', async () => {
  await expect(create()({ ...numbered(1), source: 'a b' })).rejects.toThrow(PermanentError);
  expect(got).toHaveLength(0);
});

test('a receiver that is not there: TransientError', async () => {
  create({ deadlineMs: 50 });
  await expect(emitter.send('http://127.0.0.1:1/', numbered(1))).rejects.toThrow(TransientError);
});
