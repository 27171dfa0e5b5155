import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import { TransientError } from '../../../functions/function.ts';
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
import type { AddressInfo } from 'node:net';
import type { ReportData, StageEvent } from '../../../config/events.ts';
import type { Context, StageFunction, StageStatus } from '../../../functions/function.ts';

afterEach(cleanUp);

const json = { 'content-type': 'application/cloudevents+json' };
const postEnd = (url: string, camera: string) =>
  fetch(url, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ specversion: '1.0', ...streamEnded(camera) }),
  });

test('stages start from the last one, and get no events before all have started', async () => {
  const order: string[] = [];
  const open = deferred<Context>();
  const go = deferred();
  const stage = (name: string): StageFunction => ({
    init: async () => void order.push(`init ${name}`),
    handle: async ({ id }) => void order.push(`${name} ${id}`),
  });
  const ingest: StageFunction = {
    ...stage('ingest'),
    async init(context) {
      open.resolve(context);
      await go.promise;
      order.push('init ingest');
    },
  };
  const starting = start({ ingest, detect: stage('detect') });
  await (await open.promise).emit(frame('a', 1));
  go.resolve();
  await starting;
  expect(order).toEqual(['init detect', 'detect a-1', 'init ingest']);
});

test('a stage that cannot start ends the start with its error, and the port is free again', async () => {
  const detect: StageFunction = {
    handle: async () => undefined,
    init: () => Promise.reject(new Error('wrong digest')),
  };
  await expect(start({ detect })).rejects.toThrow('wrong digest');
});

test('a port that is taken gives one clear line', async () => {
  const { port } = await start({ detect: { handle: async () => undefined } });
  const second = start({ embed: { handle: async () => undefined } }, { port });
  await expect(second).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
});

describe('drain', () => {
  test('handles what was accepted, then shuts stages down in the order of the chain, and delivers what they emit then', async () => {
    const order: string[] = [];
    const work = deferred();
    const detect: StageFunction = {
      async handle({ id }) {
        await work.promise;
        order.push(`detect ${id}`);
        return tracks('a', 1);
      },
      async shutdown(context) {
        order.push('shutdown detect');
        await context.emit(tracks('a', 2));
        void context.emit(tracks('b', 3));
      },
    };
    const embed: StageFunction = {
      handle: async ({ id }) => void order.push(`embed ${id}`),
      shutdown: async () => void order.push('shutdown embed'),
    };
    const { url, drain, port } = await start({ detect, embed });
    expect((await postEnd(url, 'a')).status).toBe(202);
    const drained = drain();
    work.resolve();
    await drained;
    expect(order).toEqual([
      'detect a-end',
      'embed a-1',
      'shutdown detect',
      'embed a-2',
      'embed b-3',
      'shutdown embed',
    ]);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  });

  test('what the last stage emits still reaches the other worker', async () => {
    const seen: string[] = [];
    const embed = await start({ embed: { handle: async ({ id }) => void seen.push(id) } });
    const detect: StageFunction = {
      handle: async () => undefined,
      shutdown: async (context) => void context.emit(tracks('a', 7)),
    };
    const { drain } = await start({ detect }, { config: { sinks: { [eventTypes.tracks]: embed.url } } });
    await drain();
    await until(() => seen.length === 1, 'delivered');
    expect(seen).toEqual(['a-7']);
  });

  test('a time of grace: signal aborted, not ready, but events are still taken', async () => {
    const work = deferred();
    let signal: AbortSignal | undefined;
    const detect: StageFunction = {
      handle: () => work.promise,
      init: async (context) => void (signal = context.signal),
    };
    const { url, drain } = await start({ detect }, { drainGraceMs: 300 });
    await postEnd(url, 'a');
    const drained = drain();
    expect(signal!.aborted).toBe(true);
    expect((await fetch(`${url}readyz`)).status).toBe(503);
    expect((await postEnd(url, 'b')).status).toBe(202);
    work.resolve();
    await drained;
  });

  test('ends at the deadline, naming what is left', async () => {
    const detect: StageFunction = { handle: () => new Promise(() => undefined) };
    const { url, drain } = await start({ detect }, { drainDeadlineMs: 100 });
    await postEnd(url, 'a');
    await expect(drain()).rejects.toThrow('shutting down took longer than 100 ms; events left: detect 1');
  });

  test('ends at the deadline when the receiver is gone', async () => {
    const detect: StageFunction = {
      handle: async () => undefined,
      shutdown: (context) => context.emit(tracks('a', 1)),
    };
    const { drain } = await start(
      { detect },
      { drainDeadlineMs: 200, config: { sinks: { [eventTypes.tracks]: 'http://127.0.0.1:1/' } } },
    );
    await expect(drain()).rejects.toThrow(/took longer/);
  });
});

test('a hand-over in memory waits while the next stage is full', async () => {
  const work = deferred();
  let source!: Context;
  const ingest: StageFunction = {
    handle: async () => undefined,
    init: async (context) => void (source = context),
  };
  const functions = functionList({ detect: { queue: { maxEvents: 2, maxBytes: 1e9 } } });
  const { stages } = await start({ ingest, detect: { handle: () => work.promise } }, { functions });
  let accepted = 0;
  const emits = [1, 2, 3, 4].map((i) => source.emit(frame('a', i)).then(() => accepted++));
  await until(() => stages[1]!.inbox.waiting === 2, 'two wait');
  await until(() => accepted === 2, 'two accepted');
  work.resolve();
  await Promise.all(emits);
});

test('a hand-over in memory to a stage that acknowledges handling hears when it is handled, also after failures', async () => {
  let tries = 0;
  let source!: Context;
  const embed: StageFunction = {
    handle: async () => undefined,
    init: async (context) => void (source = context),
  };
  const match: StageFunction = {
    async handle() {
      if (++tries < 3) throw new TransientError('store away');
    },
  };
  const retry = { firstDelayMs: 1, longestDelayMs: 1, giveUpAfterMs: 10_000, triesOnFault: 1 };
  await start({ embed, match }, { retry });
  await source.emit(streamEnded('a'));
  expect(tries).toBe(3);
});

describe('reports', () => {
  const running = (): StageStatus => ({ phase: 'Running', cameras: [], figures: { frames: 2 } });
  const detect: StageFunction = { handle: async () => undefined, status: running };

  test('each stage reports at intervals and at the end, with rising sequences', async () => {
    const reports: StageEvent<ReportData>[] = [];
    const status: StageFunction = {
      handle: async (event) => void reports.push(event as StageEvent<ReportData>),
      status: running,
    };
    const receiver = await start({ status }, { reportIntervalMs: 60_000 });
    const sinks = { [eventTypes.report]: receiver.url };
    const sender = await start({ detect }, { reportIntervalMs: 10, config: { sinks } });
    await until(() => reports.length >= 2, 'two reports');
    const before = reports.length;
    await sender.drain();
    expect(reports.length).toBeGreaterThan(before);
    const sequences = reports.map(({ data }) => data.sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    const expected = {
      task: 'hall',
      namespace: 'default',
      node: 'node-a',
      worker: 'w-detect',
      stage: 'detect',
      figures: { frames: 2 },
    };
    expect(reports[0]!.data).toMatchObject(expected);
    expect(reports[0]!.source).toBe('/namespaces/default/multiedgeinferences/hall/detect/w-detect');
  });

  test('stages of the same process as status report in memory, status itself too', async () => {
    const stages = new Set<string>();
    const status: StageFunction = {
      handle: async ({ data }) => void stages.add((data as ReportData).stage),
      status: running,
    };
    await start({ detect, status }, { reportIntervalMs: 10 });
    await until(() => stages.size === 2, 'both');
  });

  test('the last reports reach a status stage of the same process, from stages that have ended', async () => {
    const phases: string[] = [];
    let ended = false;
    const detect: StageFunction = {
      handle: async () => undefined,
      shutdown: async () => void (ended = true),
      status: () => ({ ...running(), phase: ended ? 'Completed' : 'Running' }),
    };
    const status: StageFunction = {
      handle: async ({ data }) => void phases.push((data as ReportData).phase),
    };
    const { drain } = await start({ detect, status });
    await drain();
    expect(phases).toEqual(['Completed']);
  });

  test('a receiver that is away is logged and holds nothing up', async () => {
    const { lines, log } = recordingLog();
    const sinks = { [eventTypes.report]: 'http://127.0.0.1:1/' };
    const { drain } = await start(
      { detect },
      { log, reportIntervalMs: 5, emitter: { deadlineMs: 20 }, config: { sinks } },
    );
    await until(() => lines.some(({ message }) => message === 'report not delivered'), 'logged');
    await drain();
  });

  test('a report that is tried again and again ends with the worker, not at the deadline', async () => {
    let tries = 0;
    const busy = createServer((request, response) => {
      tries++;
      request.resume();
      response.writeHead(503).end();
    });
    busy.listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const sinks = { [eventTypes.report]: `http://127.0.0.1:${(busy.address() as AddressInfo).port}/` };
    const { drain } = await start(
      { detect },
      { reportIntervalMs: 5, emitter: { deadlineMs: 60_000 }, drainDeadlineMs: 10_000, config: { sinks } },
    );
    await until(() => tries > 1, 'tried again');
    await drain().finally(() => busy.close());
  });
});
