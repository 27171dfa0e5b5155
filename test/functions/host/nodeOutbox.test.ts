// A worker whose events leave its node: kept on its disk, delivered when the cloud is there, told in its reports.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import { startRecordingCloud, type RecordingCloud } from '../../support/cloud.ts';
import { cleanUp, start, streamEnded, until } from './support.ts';
import type { ReportData, StageEvent, Tracklet, TrackletsData } from '../../../config/events.ts';
import type { WorkerConfig } from '../../../config/worker.ts';
import type { Context, StageFunction } from '../../../functions/function.ts';

let folder: string;
let cloud: RecordingCloud;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'node-outbox-'));
  cloud = await startRecordingCloud();
});
afterEach(async () => {
  await cleanUp();
  await cloud.close();
  rmSync(folder, { recursive: true, force: true });
});

const kept = [eventTypes.tracklets, eventTypes.stream, eventTypes.report];
const away = 'http://127.0.0.1:1/';

function config(url: string, maxBytes = 1 << 20): Partial<WorkerConfig> {
  return {
    sinks: Object.fromEntries(kept.map((type) => [type, url])),
    outbox: { folder, maxBytes, maxAgeS: 3600, types: [...kept] },
  };
}

/** A stage that emits what the test says. */
async function edge(url: string, options: { maxBytes?: number; now?: () => number } = {}) {
  let context!: Context;
  const embed: StageFunction = {
    handle: async () => undefined,
    init: async (given) => void (context = given),
    status: () => ({ phase: 'Running', cameras: [], figures: { crops: 7 } }),
  };
  const delivery = { firstDelayMs: 5, longestDelayMs: 20 };
  const worker = await start(
    { embed },
    { config: config(url, options.maxBytes), delivery, overrides: { tenant: 'shop' }, reportIntervalMs: 30 },
  );
  return { worker, emit: (event: StageEvent) => context.emit(event) };
}

function tracklets(id: string, phase: Tracklet['phase'], padding = 0): StageEvent<TrackletsData> {
  const tracklet: Tracklet = {
    track: 's.1',
    phase,
    revision: 1,
    from: 0,
    to: 1,
    observations: 3,
    path: new Float32Array(padding),
    prototypes: [],
  };
  return {
    id,
    source: '/edge/embed/a',
    type: eventTypes.tracklets,
    partitionkey: 'a',
    data: {
      camera: 'a',
      model: 'ab'.repeat(32),
      dimensions: 4,
      image: { width: 4, height: 4 },
      tracklets: [tracklet],
    },
  };
}

const arrived = (type: string) =>
  cloud.crossings.filter(({ event }) => event.type === type).map(({ event }) => event);

test('an event is accepted without the cloud, and arrives with the next process', async () => {
  const first = await edge(away);
  await first.emit(tracklets('1', 'start'));
  await first.emit(streamEnded('a'));
  await first.worker.drain();
  await edge(cloud.url);
  await until(() => arrived(eventTypes.stream).length === 1, 'delivered');
  expect(arrived(eventTypes.tracklets)).toEqual([
    expect.objectContaining({ id: '1', tenant: 'shop', data: tracklets('1', 'start').data }),
  ]);
  expect(cloud.crossings[0]!.event.id).toBe('1');
});

test('what is between start and end of a track gives way first', async () => {
  const { worker, emit } = await edge(away, { maxBytes: 6000 });
  const phases: Tracklet['phase'][] = ['start', 'update', 'update', 'end', 'start'];
  for (const [i, phase] of phases.entries()) await emit(tracklets(String(i + 1), phase, 250));
  await worker.drain();
  await edge(cloud.url);
  await until(() => arrived(eventTypes.tracklets).length === 4, 'delivered');
  expect(arrived(eventTypes.tracklets).map(({ id }) => id)).toEqual(['1', '3', '4', '5']);
});

test('reports say what waits, and their sequence goes on above that of the process before, whatever the clock says', async () => {
  const first = await edge(away);
  await first.emit(tracklets('1', 'start'));
  await until(() => first.worker.metrics !== undefined, 'started');
  await first.worker.drain();
  const yesterday = Date.now() - 86_400_000;
  const realNow = Date.now;
  Date.now = () => yesterday;
  try {
    await edge(cloud.url);
    await until(() => arrived(eventTypes.report).length >= 3, 'reports of both processes');
  } finally {
    Date.now = realNow;
  }
  const sequences = arrived(eventTypes.report).map(({ data }) => (data as ReportData).sequence);
  expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
  expect(new Set(sequences).size).toBe(sequences.length);
  const reports = arrived(eventTypes.report).map(({ data }) => (data as ReportData).figures);
  expect(reports[0]).toMatchObject({ crops: 7, outboxEvents: 1, outboxDropped: 0, outboxDeadLetters: 0 });
});

test('metrics show the outbox', async () => {
  const { worker, emit } = await edge(away);
  await emit(tracklets('1', 'start'));
  const text = await (await fetch(`${worker.url}metrics`)).text();
  expect(text).toMatch(/^mei_outbox_events [1-9]/m);
  expect(text).toMatch(/^mei_outbox_total\{outcome="dropped: room"\} 0$/m);
});
