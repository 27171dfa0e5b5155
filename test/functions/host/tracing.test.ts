// Traces out of real workers, received by an OTLP server of the test: one trace from the frame to the matcher, over two processes' ways.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventTypes, type StageEvent } from '../../../config/events.ts';
import type { Context, StageFunction } from '../../../functions/function.ts';
import { readTracing, type TracingOptions } from '../../../functions/host/tracing.ts';
import { cleanUp, deferred, frame, recordingLog, start, tracks, until } from './support.ts';

interface Sent {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code?: number };
  worker: string;
}

let collector: Server;
let spans: Sent[];
let status: number;
let headers: unknown[];

beforeEach(async () => {
  spans = [];
  headers = [];
  status = 200;
  collector = createServer((request, response) => {
    headers.push(request.headers['x-key']);
    void json(request).then((body) => {
      type Attributes = { key: string; value: { stringValue: string } }[];
      const { resourceSpans } = body as {
        resourceSpans: { resource: { attributes: Attributes }; scopeSpans: { spans: Sent[] }[] }[];
      };
      for (const { resource, scopeSpans } of resourceSpans) {
        const worker = resource.attributes.find(({ key }) => key === 'mei.worker')!.value.stringValue;
        if (status === 200)
          spans.push(...scopeSpans.flatMap((each) => each.spans.map((span) => ({ ...span, worker }))));
      }
      response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
});
afterEach(async () => {
  await cleanUp();
  collector.closeAllConnections();
  collector.close();
});

const tracing = (share = 1): TracingOptions => ({
  url: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`,
  headers: { 'x-key': 'k' },
  share,
});

/** A stage that makes one event of each it gets. */
const passing = (type: string, data: unknown = {}): StageFunction => ({
  handle: async (event) => ({ ...event, id: `${event.id}+`, type, data }),
});
const tracklets = {
  camera: 'a',
  model: 'ab'.repeat(32),
  dimensions: 2,
  image: { width: 4, height: 2 },
  tracklets: [],
};

function source() {
  const open = deferred<Context>();
  const ingest: StageFunction = {
    handle: async () => undefined,
    init: async (context) => open.resolve(context),
  };
  return { ingest, opened: open.promise };
}

async function chain(share: number, fail = false) {
  const seen: StageEvent[] = [];
  const match: StageFunction = {
    handle: async (event) => {
      seen.push(event);
      if (fail && seen.length === 1) throw new Error('no');
    },
  };
  const { log, lines } = recordingLog();
  const cloud = await start(
    { match },
    {
      tracing: tracing(share),
      log,
      retry: { firstDelayMs: 1, longestDelayMs: 1, giveUpAfterMs: 1, triesOnFault: 1 },
    },
  );
  const { ingest, opened } = source();
  const edge = await start(
    {
      ingest,
      detect: passing(eventTypes.tracks, tracks('a', 1).data),
      embed: passing(eventTypes.tracklets, tracklets),
    },
    { tracing: tracing(share), config: { sinks: { [eventTypes.tracklets]: cloud.url } }, log },
  );
  const context = await opened;
  return { context, cloud, edge, seen, lines };
}

test('one trace leads from the frame to the matcher, each span below the one before', async () => {
  const { context, edge, cloud, seen } = await chain(1);
  await context.emit(frame('a', 1));
  await until(() => seen.length === 1, 'matched');
  await edge.drain();
  await cloud.drain();
  await until(() => spans.length === 4, 'four spans');
  const names = ['ingest frame', 'detect frame', 'embed tracks', 'match tracklets'];
  const order = names.map((name) => spans.find((span) => span.name === name)!);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(order.map(({ parentSpanId }) => parentSpanId)).toEqual([
    undefined,
    ...order.slice(0, 3).map(({ spanId }) => spanId),
  ]);
  expect(order.map(({ worker }) => worker)).toEqual([
    ...Array<string>(3).fill('w-ingest-detect-embed'),
    'w-match',
  ]);
  for (const { startTimeUnixNano, endTimeUnixNano, traceId, spanId } of order) {
    expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true);
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(spanId).toMatch(/^[0-9a-f]{16}$/);
  }
  expect(new Set(headers)).toEqual(new Set(['k']));
});

test('what fails is marked, and no word of the error is sent', async () => {
  const { context, edge, cloud, seen } = await chain(1, true);
  await context.emit(frame('a', 1));
  await until(() => seen.length > 1, 'failed, and tried again');
  await edge.drain();
  await cloud.drain();
  const ofMatch = () => spans.filter(({ name }) => name === 'match tracklets');
  await until(() => ofMatch().length > 1, 'its spans');
  expect(ofMatch().map(({ status: each }) => each)).toEqual([{ code: 2, message: 'Error' }, {}]);
});

test('a share of none measures nothing, and a collector that is away holds nothing up', async () => {
  const none = await chain(0);
  await none.context.emit(frame('a', 1));
  await until(() => none.seen.length === 1, 'matched');
  expect(none.seen[0]!.traceparent).toBeUndefined();
  await cleanUp();
  status = 503;
  const away = await chain(1);
  for (let i = 1; i <= 3; i++) await away.context.emit(frame('a', i));
  await until(() => away.seen.length === 3, 'matched all the same');
  await away.edge.drain();
  await away.cloud.drain();
  expect(spans).toEqual([]);
  expect(away.lines.filter(({ message }) => message === 'traces lost').length).toBeGreaterThan(0);
});

test('a trace that somebody else began goes on; one that is not measured stays so', async () => {
  const seen: StageEvent[] = [];
  const match: StageFunction = { handle: async (event) => void seen.push(event) };
  const worker = await start({ match }, { tracing: tracing(0) });
  const post = (id: string, flags: string) =>
    fetch(worker.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/cloudevents+json',
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-${flags}`,
      },
      body: JSON.stringify({
        specversion: '1.0',
        id,
        source: '/x',
        type: eventTypes.stream,
        subject: 'a',
        data: { camera: 'a', state: 'ended', time: 1 },
      }),
    });
  await post('1', '01');
  await post('2', '00');
  await until(() => seen.length === 2, 'both');
  await worker.drain();
  await until(() => spans.length > 0, 'a span');
  expect(spans).toMatchObject([
    { traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16), name: 'match stream' },
  ]);
});

test.each([
  [{}, undefined],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' },
    { url: 'http://c:4318/v1/traces', share: 0.01, headers: {} },
  ],
  [
    {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c/t',
      OTEL_TRACES_SAMPLER_ARG: '0.5',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=b%20c, d=e',
    },
    { url: 'https://c/t', share: 0.5, headers: { a: 'b c', d: 'e' } },
  ],
])('settings %j', (env, wanted) => {
  expect(readTracing(env)).toEqual(wanted);
});

test('wrong settings are refused together', () => {
  expect(() =>
    readTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'grpc://c', OTEL_TRACES_SAMPLER_ARG: '2' }),
  ).toThrow(/OTEL_EXPORTER_OTLP_ENDPOINT: must be[^]*OTEL_TRACES_SAMPLER_ARG: must be/);
});
