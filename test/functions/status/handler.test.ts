// The status stage: reports in, one status file out.
import { mkdtempSync, readFileSync, rmSync, existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  eventTypes,
  type IdentitiesData,
  type IdentityChange,
  type ReportData,
  type StageEvent,
} from '../../../config/events.ts';
import type { WorkerConfig } from '../../../config/worker.ts';
import type { Status } from '../../../config/schema/status.ts';
import { type Context, TransientError } from '../../../functions/function.ts';
import { changeLogName, fileChangeLog } from '../../../functions/status/changeLog.ts';
import { createStatus } from '../../../functions/status/handler.ts';
import { fileSink, statusFileName } from '../../../functions/status/sink.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'status-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const context = {} as Context;
const base: ReportData = {
  task: 'shop',
  namespace: 'default',
  node: 'edge-1',
  worker: 'shop-edge-1',
  stage: 'ingest',
  sequence: 1,
  time: 1_700_000_000,
  phase: 'Running',
  cameras: [],
  figures: {},
};
const report = (over: Partial<ReportData>): StageEvent<ReportData> => {
  const data = { ...base, ...over };
  return { id: `${data.sequence}`, source: `/${data.worker}`, type: eventTypes.report, data };
};
const camera = (id: string, over: Partial<ReportData['cameras'][number]> = {}) =>
  ({ camera: id, state: 'connected', fps: 5, frames: 10, dropped: 1, ...over }) as const;

function open(sink = fileSink(folder), intervalMs = 1e6) {
  const dependencies = {
    sink,
    changeLog: fileChangeLog(folder),
    task: { name: 'shop', namespace: 'default' },
  };
  return createStatus({ ...dependencies, cameras: ['door', 'hall'], intervalMs });
}

const read = () => JSON.parse(readFileSync(join(folder, statusFileName), 'utf8')) as Status;

test('gathers stages, nodes, cameras and output', async () => {
  const status = open();
  await status.handle(
    report({ cameras: [camera('door'), camera('hall', { state: 'failed', message: 'no route' })] }),
    context,
  );
  await status.handle(report({ stage: 'detect', cameras: [camera('door', { people: 3, fps: 4 })] }), context);
  const taskInfo = {
    trackingObjectNumber: 7,
    findUnknownObject: false,
    startTime: '2023-11-14T22:13:20.000Z',
    currentTime: '2023-11-14T22:14:20.000Z',
  };
  await status.handle(
    report({ node: 'cloud', worker: 'shop-cloud', stage: 'match', output: { taskInfo } }),
    context,
  );
  await status.shutdown!(context);
  const written = read();
  expect(written.phase).toBe('Degraded');
  expect(written.camerasConnected).toBe('1/2');
  expect(written.identities).toBe(7);
  expect(written.output?.taskInfo).toEqual(taskInfo);
  expect(written.cameras).toEqual([
    { id: 'door', node: 'edge-1', state: 'connected', fps: 5, people: 3, dropped: 1 },
    { id: 'hall', node: 'edge-1', state: 'failed', fps: 5, dropped: 1, message: 'no route' },
  ]);
  expect(written.stages?.map(({ name, phase }) => [name, phase])).toEqual([
    ['ingest', 'Running'],
    ['detect', 'Running'],
    ['match', 'Running'],
  ]);
  expect(written.nodes?.map(({ name }) => name)).toEqual(['cloud', 'edge-1']);
});

const over = [camera('door', { state: 'ended' }), camera('hall', { state: 'failed' })];

test.each([
  ['Starting', [report({ phase: 'Starting' })]],
  ['Running', [report({ cameras: [camera('door')] })]],
  ['Failed', [report({ phase: 'Failed', message: 'model is gone' })]],
  [
    'Failed',
    [report({ cameras: [camera('door', { state: 'failed' }), camera('hall', { state: 'failed' })] })],
  ],
  [
    'Completed',
    [report({ phase: 'Completed', cameras: over }), report({ stage: 'match', phase: 'Completed' })],
  ],
  ['Running', [report({ phase: 'Completed' }), report({ stage: 'match', phase: 'Completed' })]],
  ['Running', [report({ stage: 'match', phase: 'Completed' })]],
  ['Running', [report({}), report({ stage: 'match', phase: 'Completed' })]],
])('the phase is %s', async (phase, events) => {
  const status = open();
  for (const event of events) await status.handle(event, context);
  await status.shutdown!(context);
  expect(read().phase).toBe(phase);
});

test('an older report than the last one changes nothing', async () => {
  const status = open();
  await status.handle(report({ sequence: 5, phase: 'Running' }), context);
  await status.handle(report({ sequence: 4, phase: 'Failed' }), context);
  await status.handle(report({ sequence: 5, phase: 'Failed' }), context);
  await status.shutdown!(context);
  expect(read().phase).toBe('Running');
  expect(status.status!().figures).toMatchObject({ reports: 1, stale: 2 });
});

test('the history has the changes only, and not without end', async () => {
  const status = open();
  for (let sequence = 1; sequence <= 300; sequence++) {
    await status.handle(report({ sequence, phase: sequence % 3 === 0 ? 'Failed' : 'Running' }), context);
  }
  await status.shutdown!(context);
  const { reports } = read();
  expect(reports).toHaveLength(64);
  expect(reports!.at(-1)).toMatchObject({ sequence: 300, phase: 'Failed' });
  expect(reports!.at(-2)).toMatchObject({ sequence: 298, phase: 'Running' });
});

test.each([
  ['another task', { task: 'other' }, /task default\/shop, not of default\/other/],
  ['another namespace', { namespace: 'evil' }, /not of evil\/shop/],
  ['no node', { node: '' }, /node is missing/],
  ['an unknown phase', { phase: 'Odd' as 'Running' }, /phase Odd is not known/],
])('refuses a report with %s', async (_, over, message) => {
  await expect(open().handle(report(over), context)).rejects.toMatchObject({
    name: 'PermanentError',
    message: expect.stringMatching(message),
  });
});

test('many reports are one write at once and one at the end', async () => {
  const written: (Status['phase'] | undefined)[] = [];
  const status = open({ write: async ({ phase }) => void written.push(phase) });
  await status.handle(report({ phase: 'Starting' }), context);
  for (let sequence = 2; sequence < 100; sequence++) await status.handle(report({ sequence }), context);
  await status.shutdown!(context);
  expect(written).toEqual(['Starting', 'Running']);
});

test('a folder that cannot be written fails readiness, and the status is written once it can', async () => {
  let full = true;
  const written: Status[] = [];
  const sink = {
    async write(status: Status) {
      if (full) throw new TransientError('disk is full');
      written.push(status);
    },
  };
  const status = open(sink);
  await status.handle(report({}), context);
  await new Promise(setImmediate);
  expect(() => status.readiness!()).toThrow('disk is full');
  full = false;
  await status.shutdown!(context);
  expect(written).toHaveLength(1);
});

const identities = (id: string): StageEvent<IdentitiesData> => ({
  id,
  source: '/match',
  type: eventTypes.identities,
  data: {
    task: 'shop',
    namespace: 'default',
    changes: [
      {
        kind: 'assigned',
        identity: 'p-1',
        camera: 'door',
        track: id,
        time: 1,
        isNew: true,
        score: null,
        margin: null,
        reason: 'first',
      },
    ],
  },
});

test('changes of identities become lines, once each', async () => {
  const status = open();
  for (const id of ['a', 'b', 'a']) await status.handle(identities(id), context);
  const lines = readFileSync(join(folder, changeLogName), 'utf8').trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { track: string }).track)).toEqual(['a', 'b']);
});

const tracksIn = () =>
  readFileSync(join(folder, changeLogName), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { track: string }).track);

test('an event that comes again after a restart is recognised', async () => {
  for (const id of ['a', 'b']) await open().handle(identities(id), context);
  const restarted = open();
  for (const id of ['a', 'b', 'c']) await restarted.handle(identities(id), context);
  expect(tracksIn()).toEqual(['a', 'b', 'c']);
  expect(restarted.status!().figures).toMatchObject({ changes: 1, repeated: 2 });
});

test.each([
  ['within a line', -10],
  ['between two lines of an event', undefined],
])('an event that a kill cut off %s is written anew, once', async (_where, cut) => {
  const two = identities('b');
  two.data.changes.push({ ...two.data.changes[0]!, track: 'b2' } as IdentityChange);
  const log = open();
  await log.handle(identities('a'), context);
  await log.handle(two, context);
  const path = join(folder, changeLogName);
  const text = readFileSync(path, 'utf8');
  const end = cut ?? text.trimEnd().lastIndexOf('\n') + 1;
  writeFileSync(path, text.slice(0, end));
  await open().handle(two, context);
  expect(tracksIn()).toEqual(['a', 'b', 'b2']);
});

test('the file of changes is bounded', async () => {
  const log = fileChangeLog(folder, { maxBytes: 1000 });
  for (let i = 0; i < 50; i++) await log.append(`${i}`, identities(`${i}`).data.changes);
  const size = (name: string) => readFileSync(join(folder, name)).length;
  expect(size(changeLogName)).toBeLessThanOrEqual(1000);
  expect(size(`${changeLogName}.1`)).toBeLessThanOrEqual(1000);
  expect(existsSync(join(folder, `${changeLogName}.2`))).toBe(false);
});

test('who was erased is in no line any more, and lines older than the retention go', async () => {
  let nowMs = 0;
  const log = fileChangeLog(folder, { retentionS: 100 }, () => nowMs);
  const of = (identity: string, track: string, time: number): IdentityChange => ({
    ...(identities('x').data.changes[0] as Extract<IdentityChange, { kind: 'assigned' }>),
    identity,
    track,
    time,
    reason: 'the next best was p-anna',
  });
  await log.append('1', [of('p-anna', 'a', 1000), of('p-bert', 'b', 1000)]);
  await log.append('2', [of('p-once', 'c', 1001)]);
  const text = () => readFileSync(join(folder, changeLogName), 'utf8');
  expect(text()).toContain('p-anna');
  const camera = of('', '', 0) as Extract<IdentityChange, { kind: 'assigned' }>;
  await log.erase({
    kind: 'erased',
    identity: 'p-anna',
    names: [],
    tracks: [{ camera: camera.camera, track: 'c' }],
    time: 1002,
  });
  expect(text()).not.toMatch(/p-anna|p-once/);
  expect(text().trim().split('\n')).toHaveLength(1);
  expect(await log.append('1', [of('p-bert', 'b', 1000)])).toBe(false);
  nowMs += 4_000_000;
  await log.append('3', [of('p-carl', 'd', 1200)]);
  expect(text()).not.toContain('p-bert');
  expect(text()).toContain('p-carl');
});

test('cameras that an edit adds or takes away are counted from then on', async () => {
  const stage = open(fileSink(folder), 0);
  await stage.handle(report({ cameras: [camera('a')] }), context);
  await stage.reconfigure!({ cameras: [{ id: 'a' }, { id: 'late' }] } as WorkerConfig, context);
  await stage.shutdown!(context);
  expect(read().cameras!.map(({ id, state }) => `${id} ${state}`)).toContain('late connecting');
});

describe('several match workers', () => {
  const taskInfo = (trackingObjectNumber: number) => ({
    trackingObjectNumber,
    findUnknownObject: false,
    startTime: '2026-01-01T12:00:00.000Z',
    currentTime: '2026-01-01T12:00:00.000Z',
  });
  const match = (worker: string, over: Partial<ReportData>) =>
    report({ node: 'cloud', worker, stage: 'match', ...over });
  const owns = (epoch: number, people: number) => ({
    figures: { epoch },
    output: { taskInfo: taskInfo(people) },
  });

  test('the one in the newest term says how things are, whatever a paused one said last', async () => {
    const status = open();
    for (const each of ['door', 'hall'])
      await status.handle(
        report({ worker: each, phase: 'Completed', cameras: [camera(each, { state: 'ended' })] }),
        context,
      );
    await status.handle(match('shop-match', { ...owns(1, 9), time: base.time + 5 }), context);
    const standsBy = { message: 'stands by, shop-match decides' };
    await status.handle(match('shop-match2', standsBy), context);
    await status.handle(match('shop-match2', { ...owns(2, 3), phase: 'Completed', sequence: 2 }), context);
    await status.handle(match('shop-match3', standsBy), context);
    await status.shutdown!(context);
    const { phase, owner, identities, stages, nodes } = read();
    expect({ phase, owner, identities }).toEqual({ phase: 'Completed', owner: 'shop-match2', identities: 3 });
    expect(stages!.find(({ name }) => name === 'match')).toEqual({
      name: 'match',
      phase: 'Completed',
      workers: 3,
      readyWorkers: 3,
    });
    expect(nodes!.find(({ name }) => name === 'cloud')).toMatchObject({ phase: 'Completed' });
  });

  test('a worker that is no more is forgotten once others of its kind have reported for long', async () => {
    const status = open();
    const embed = (worker: string, over: Partial<ReportData>) => report({ worker, stage: 'embed', ...over });
    await status.handle(embed('shop-embed2', {}), context);
    await status.handle(embed('shop-embed', { sequence: 1, time: base.time + 119 }), context);
    await status.handle(report({ stage: 'detect', time: base.time + 1000 }), context);
    await status.shutdown!(context);
    const workers = () => read().stages!.find(({ name }) => name === 'embed')!.workers;
    expect(workers()).toBe(2);
    await status.handle(embed('shop-embed', { sequence: 2, time: base.time + 120 }), context);
    await status.shutdown!(context);
    expect(workers()).toBe(1);
  });
});
