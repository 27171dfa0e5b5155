import { request } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import { PermanentError, TransientError } from '../../../functions/function.ts';
import { binaryMessage, parse } from '../../../delivery/binding.ts';
import { fromEnvelope, toEnvelope } from '../../../functions/host/codec.ts';
import {
  cleanUp,
  deferred,
  frame,
  functionList,
  recordingLog,
  start,
  streamEnded,
  tracks,
  until,
} from './support.ts';
import type { ImageData, StageEvent } from '../../../config/events.ts';
import type { StageFunction } from '../../../functions/function.ts';

afterEach(cleanUp);

/** Posts an event in binary mode. */
async function post(url: string, event: StageEvent, headers: Record<string, string> = {}) {
  const message = binaryMessage(toEnvelope(event));
  const body = Buffer.concat(message.parts);
  return fetch(url, { method: 'POST', headers: { ...message.headers, ...headers }, body });
}

const structured = (event: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/cloudevents+json' },
  body: JSON.stringify({ specversion: '1.0', ...event }),
});

/** A stage that keeps what it gets. */
function keeper(answer: (event: StageEvent) => StageEvent | void = () => undefined) {
  const events: StageEvent[] = [];
  const stage: StageFunction = {
    async handle(event) {
      const output = answer(event);
      events.push(event);
      return output;
    },
  };
  return { events, stage };
}

describe('events in', () => {
  test('binary: 202, and the stage gets decoded data', async () => {
    const { events, stage } = keeper();
    const { url } = await start({ detect: stage });
    const sent = frame('a', 1, 50, 40);
    const answer = await post(url, {
      ...sent,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    expect([answer.status, await answer.text()]).toEqual([202, '']);
    await until(() => events.length === 1, 'handled');
    expect(events[0]).toMatchObject(sent);
    expect(events[0]!.traceparent).toMatch(/^00-0af/);
  });

  test('structured and batch', async () => {
    const { events, stage } = keeper();
    const { url } = await start({ detect: stage });
    expect((await fetch(url, structured(streamEnded('a')))).status).toBe(202);
    const batch = JSON.stringify(
      ['b', 'c'].map((camera) => ({ specversion: '1.0', ...streamEnded(camera) })),
    );
    const headers = { 'content-type': 'application/cloudevents-batch+json; charset=UTF-8' };
    expect((await fetch(url, { method: 'POST', headers, body: batch })).status).toBe(202);
    await until(() => events.length === 3, 'handled');
    expect(events.map(({ subject }) => subject).sort()).toEqual(['a', 'b', 'c']);
  });

  test('a traceparent header alone is taken up', async () => {
    const { events, stage } = keeper();
    const { url } = await start({ detect: stage });
    await post(url, streamEnded('a'), {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
    });
    await until(() => events.length === 1, 'handled');
    expect(events[0]!.traceparent).toMatch(/-00$/);
  });

  test('the output is the reply when one is asked for', async () => {
    const { stage } = keeper(() => tracks('a', 1));
    const { url } = await start({ detect: stage });
    const answer = await post(url, frame('a', 1), { prefer: 'respond-async, reply' });
    expect(answer.status).toBe(200);
    const [envelope] = parse(Object.fromEntries(answer.headers), Buffer.from(await answer.arrayBuffer()), {
      batch: false,
    });
    expect(fromEnvelope(envelope!)).toEqual(tracks('a', 1));
  });

  test('202 when a reply is asked for and there is none', async () => {
    const { url } = await start({ detect: keeper().stage });
    expect((await post(url, frame('a', 1), { prefer: 'reply' })).status).toBe(202);
  });

  test('a repeated event is accepted and not handled again', async () => {
    const { events, stage } = keeper();
    const { url, metrics } = await start({ detect: stage });
    for (let i = 0; i < 3; i++) expect((await post(url, streamEnded('a'))).status).toBe(202);
    expect(events).toHaveLength(1);
    expect(await metrics.registry.metrics()).toContain('mei_events_duplicate_total{stage="detect"} 2');
  });
});

describe('acknowledging what is handled', () => {
  const identities = {
    id: '1',
    source: '/s',
    type: eventTypes.identities,
    data: { task: 't', namespace: 'n', changes: [] },
  };

  test('202 comes after the work, 409 meanwhile', async () => {
    const work = deferred();
    const started = deferred();
    const stage: StageFunction = {
      async handle() {
        started.resolve();
        await work.promise;
      },
    };
    const { url } = await start({ status: stage });
    const first = post(url, identities);
    await started.promise;
    const second = await post(url, identities);
    expect([second.status, second.headers.get('retry-after')]).toEqual([409, '1']);
    work.resolve();
    expect((await first).status).toBe(202);
    expect((await post(url, identities)).status).toBe(202);
  });

  test.each<[string, Error, number, string | null]>([
    ['permanent', new PermanentError('no such camera\nsecond line'), 422, null],
    ['transient', new TransientError('the store is away', { retryAfterMs: 2500 }), 503, '3'],
    ['a fault', new Error('secret detail'), 500, null],
  ])('%s', async (_what, error, status, retryAfter) => {
    const { lines, log } = recordingLog();
    const stage: StageFunction = { handle: () => Promise.reject(error) };
    const { url } = await start({ status: stage }, { log });
    const answer = await post(url, identities);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, retryAfter]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const { detail, ...rest } = (await answer.json()) as { detail: string; status: number };
    expect(rest.status).toBe(status);
    expect(detail).toBe(
      status === 500
        ? 'the event could not be handled, see the log of the worker'
        : error.message.split('\n')[0],
    );
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(status === 500 ? 1 : 0);
  });

  test('what failed is handled when it comes again', async () => {
    let tries = 0;
    const stage: StageFunction = {
      async handle() {
        if (++tries === 1) throw new TransientError('not yet');
      },
    };
    const { url } = await start({ status: stage });
    expect((await post(url, identities)).status).toBe(503);
    expect((await post(url, identities)).status).toBe(202);
    expect(tries).toBe(2);
  });
});

describe('refusals', () => {
  test.each<[string, RequestInit, number, RegExp]>([
    [
      'no event',
      { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } },
      400,
      /not a CloudEvent/,
    ],
    ['no body', { method: 'POST' }, 400, /not a CloudEvent/],
    [
      'bad JSON',
      { method: 'POST', body: '{', headers: { 'content-type': 'application/cloudevents+json' } },
      400,
      /not valid JSON/,
    ],
    ['an empty id', structured({ ...streamEnded('a'), id: '' }), 400, /attribute id/],
    [
      'another format',
      { method: 'POST', body: '<a/>', headers: { 'content-type': 'application/cloudevents+xml' } },
      415,
      /not taken here/,
    ],
    [
      'an unknown encoding',
      { method: 'POST', body: 'x', headers: { 'content-encoding': 'x-unknown' } },
      415,
      /encoding/,
    ],
    ['poison', structured({ ...streamEnded('a'), data: { camera: 'a' } }), 422, /^data\.state/],
    [
      'a type of other stages',
      structured({ ...streamEnded('a'), type: 'com.example.other' }),
      422,
      /no function of this worker takes/,
    ],
    ['too much', { method: 'POST', body: Buffer.alloc(2000) }, 413, /2000 bytes, at most 1000/],
    ['another method', { method: 'PUT', body: 'x' }, 405, /POST/],
  ])('%s', async (_what, init, status, detail) => {
    const { url } = await start({ detect: keeper().stage }, { server: { bodyBytes: 1000 } });
    const answer = await fetch(url, init);
    expect(answer.status).toBe(status);
    const text = await answer.text();
    expect((JSON.parse(text) as { detail: string }).detail).toMatch(detail);
    expect(text).not.toMatch(/at .*\.ts|node_modules|\\n/);
  });

  test('a small body that grows on decompression: 413', async () => {
    const { url } = await start({ detect: keeper().stage }, { server: { bodyBytes: 100_000 } });
    const body = gzipSync(Buffer.alloc(50 << 20));
    const answer = await fetch(url, { method: 'POST', body, headers: { 'content-encoding': 'gzip' } });
    expect([body.length < 100_000, answer.status]).toEqual([true, 413]);
  });

  test('a body that is not what its encoding says: 400', async () => {
    const { url } = await start({ detect: keeper().stage });
    const answer = await fetch(url, {
      method: 'POST',
      body: 'no gzip',
      headers: { 'content-encoding': 'gzip' },
    });
    expect(answer.status).toBe(400);
  });

  test('gzip is understood', async () => {
    const { url } = await start({ detect: keeper().stage });
    const { headers, body } = structured(streamEnded('a'));
    const zipped = {
      method: 'POST',
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: gzipSync(body),
    };
    expect((await fetch(url, zipped)).status).toBe(202);
  });

  test('a body without length that never ends: 413', async () => {
    const { url } = await start({ detect: keeper().stage }, { server: { bodyBytes: 100_000 } });
    const status = await new Promise<number>((resolve, reject) => {
      const sending = request(url, { method: 'POST' }, (answer) => {
        resolve(answer.statusCode!);
        sending.destroy();
      });
      sending.on('error', reject);
      sending.write(Buffer.alloc(150_000));
    });
    expect(status).toBe(413);
  });

  test('headers beyond the limit: 431', async () => {
    const { url } = await start({ detect: keeper().stage });
    expect((await fetch(url, { headers: { big: 'x'.repeat(20_000) } })).status).toBe(431);
  });

  test('one bad event of a batch: 400 and none is taken', async () => {
    const { events, stage } = keeper();
    const { url } = await start({ detect: stage });
    const body = JSON.stringify([{ specversion: '1.0', ...streamEnded('a') }, { specversion: '1.0' }]);
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    const answer = await fetch(url, { method: 'POST', headers, body });
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('event 1 of the batch'),
    ]);
    expect(events).toHaveLength(0);
  });

  test('a body that breaks off leaves the worker well', async () => {
    const { events, stage } = keeper();
    const { url, port } = await start({ detect: stage });
    const socket = connect(port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\nce-specversion: 1.0\r\n\r\nabc');
    await new Promise((resolve) => socket.once('connect', resolve));
    await new Promise<void>((resolve) => socket.end(() => resolve()));
    socket.destroy();
    expect((await post(url, streamEnded('a'))).status).toBe(202);
    expect(events).toHaveLength(1);
  });
});

describe('overload', () => {
  test('429 with Retry-After when the queue stays full, and nothing accepted is lost', async () => {
    const work = deferred();
    const handled: string[] = [];
    const stage: StageFunction = {
      async handle({ id }) {
        await work.promise;
        handled.push(id);
      },
    };
    const functions = functionList({ detect: { queue: { maxEvents: 3, maxBytes: 1e9 } } });
    const { url } = await start({ detect: stage }, { functions, server: { holdMs: 30 } });
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => post(url, frame('a', i))));
    const accepted = answers.flatMap(({ status }, i) => (status === 202 ? [`a-${i}`] : []));
    expect(accepted).toHaveLength(3);
    for (const answer of answers)
      if (answer.status !== 202)
        expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1']);
    work.resolve();
    await until(() => handled.length === 3, 'handled');
    expect(handled.sort()).toEqual(accepted.sort());
  });

  test('a request is held until there is room', async () => {
    const work = deferred();
    const functions = functionList({ detect: { queue: { maxEvents: 1, maxBytes: 1e9 } } });
    const { url, stages } = await start(
      { detect: { handle: () => work.promise } },
      { functions, server: { holdMs: 20_000 } },
    );
    await post(url, frame('a', 1));
    const held = post(url, frame('a', 2));
    await until(() => stages[0]!.inbox.waiting === 1, 'held');
    work.resolve();
    expect((await held).status).toBe(202);
  });

  test('bodies under way are bounded together', async () => {
    const { url, port } = await start(
      { detect: keeper().stage },
      { server: { bodyBytes: 2000, bodiesBytes: 3000 } },
    );
    const socket = connect(port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2000\r\n\r\nabc');
    let status = 0;
    for (const end = performance.now() + 10_000; status !== 429 && performance.now() < end;)
      status = (await fetch(url, { method: 'POST', body: Buffer.alloc(1900) })).status;
    expect(status).toBe(429);
    socket.destroy();
  });

  test('what fails for a while is tried again after 202', async () => {
    const seen: string[] = [];
    let failures = 3;
    const stage: StageFunction = {
      async handle({ id }) {
        if (failures-- > 0) throw new TransientError('not yet');
        seen.push(id);
      },
    };
    const retry = { firstDelayMs: 1, longestDelayMs: 2, giveUpAfterMs: 10_000, triesOnFault: 2 };
    const { url } = await start({ detect: stage }, { retry });
    for (const i of [1, 2]) expect((await post(url, frame('a', i))).status).toBe(202);
    await until(() => seen.length === 2, 'handled');
    expect(seen).toEqual(['a-1', 'a-2']);
  });

  test('a faulty event is given up after some tries, counted and logged; the next ones go on', async () => {
    const { events, stage } = keeper(({ id }) => {
      if (id === 'a-1') throw new Error('bug');
    });
    const { lines, log } = recordingLog();
    const retry = { firstDelayMs: 1, longestDelayMs: 2, giveUpAfterMs: 10_000, triesOnFault: 2 };
    const { url, metrics } = await start({ detect: stage }, { retry, log });
    for (const i of [1, 2]) await post(url, frame('a', i));
    await until(() => events.length === 1, 'the second one');
    expect(await metrics.registry.metrics()).toContain(
      `mei_events_dropped_total{type="${eventTypes.frame}",reason="fault"} 1`,
    );
    expect(lines.filter(({ message }) => message === 'event given up')).toHaveLength(1);
  });
});

describe('pictures without CloudEvents', () => {
  const picture = {
    method: 'POST',
    headers: { 'content-type': 'Image/JPEG' },
    body: Buffer.of(255, 216, 255),
  };

  test('become image events of their camera', async () => {
    const { events, stage } = keeper();
    const { url } = await start({ ingest: stage });
    expect((await fetch(`${url}cameras/a/frames?time=1700000000.5`, picture)).status).toBe(202);
    expect((await fetch(`${url}cameras/a/frames`, picture)).status).toBe(202);
    await until(() => events.length === 2, 'handled');
    const { bytes, ...rest } = events[0]!.data as ImageData;
    expect([...bytes]).toEqual([255, 216, 255]);
    expect(rest).toEqual({ camera: 'a', contentType: 'image/jpeg', time: 1_700_000_000.5 });
    expect(events[0]).toMatchObject({
      subject: 'a',
      partitionkey: 'a',
      time: '2023-11-14T22:13:20.500Z',
      type: eventTypes.image,
    });
    expect((events[1]!.data as ImageData).time).toBeUndefined();
  });

  test('posted again with a time or a key are recognised', async () => {
    const { events, stage } = keeper();
    const { url } = await start({ ingest: stage });
    for (let i = 0; i < 2; i++) await fetch(`${url}cameras/a/frames?time=2023-11-14T22:13:20Z`, picture);
    for (let i = 0; i < 2; i++)
      await fetch(`${url}cameras/a/frames`, {
        ...picture,
        headers: { ...picture.headers, 'idempotency-key': 'k' },
      });
    await until(() => events.length === 2, 'handled');
    expect(events).toHaveLength(2);
  });

  test.each<[string, string, RequestInit, number]>([
    ['another camera', 'cameras/nobody/frames', picture, 404],
    ['a bad time', 'cameras/a/frames?time=soon', picture, 400],
    ['two times', 'cameras/a/frames?time=1&time=2', picture, 400],
    ['no picture', 'cameras/a/frames', { ...picture, headers: { 'content-type': 'text/plain' } }, 415],
    ['an SVG', 'cameras/a/frames', { ...picture, headers: { 'content-type': 'image/svg+xml' } }, 422],
    ['an empty picture', 'cameras/a/frames', { ...picture, body: '' }, 422],
    ['a name that breaks the path', 'cameras/%ff/frames', picture, 400],
    ['reading', 'cameras/a/frames', { method: 'GET' }, 405],
  ])('%s', async (_what, path, init, status) => {
    const { url } = await start({ ingest: keeper().stage });
    const answer = await fetch(url + path, init);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
  });

  test('a worker without ingest takes none', async () => {
    const { url } = await start({ detect: keeper().stage });
    expect((await fetch(`${url}cameras/a/frames`, picture)).status).not.toBe(202);
  });
});

describe('health', () => {
  test('says why a stage is not ready or not alive, and such a stage gets no events', async () => {
    let problem: string | undefined = 'the model is loading';
    const check = () => {
      if (problem) throw new Error(`${problem}\nstack`);
    };
    const { url } = await start({ detect: { ...keeper().stage, liveness: check, readiness: check } });
    for (const path of ['healthz', 'readyz', 'health/liveness', 'health/readiness']) {
      problem = 'the model is loading';
      const bad = await fetch(url + path);
      expect([bad.status, await bad.text()]).toEqual([503, 'the model is loading\n']);
      problem = undefined;
      expect((await fetch(url + path)).status).toBe(200);
    }
    problem = 'the model is loading';
    expect((await post(url, streamEnded('a'))).status).toBe(503);
  });

  test('metrics are served', async () => {
    const status = () => ({ phase: 'Running' as const, cameras: [], figures: { people: 3 } });
    const { url } = await start({ detect: { ...keeper().stage, status } });
    await post(url, streamEnded('a'));
    await fetch(url, { method: 'POST', body: 'x' });
    const text = await (await fetch(`${url}metrics`)).text();
    expect(text).toContain(`mei_events_received_total{type="${eventTypes.stream}",code="202"} 1`);
    expect(text).toContain('mei_events_received_total{type="unknown",code="400"} 1');
    expect(text).toContain('mei_stage_figure{stage="detect",figure="people"} 3');
    expect(text).toMatch(/mei_handling_seconds_count\{stage="detect"\} 1/);
  });
});
