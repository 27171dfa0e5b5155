import { expect, test } from '@jest/globals';
import type { Task } from '../../config/schema/resource.ts';
import type { Status } from '../../config/schema/status.ts';
import { isCompleted, wasCompleted, workOf } from '../../controller/completion.ts';
import { statusOf, type Facts } from '../../controller/conditions.ts';
import { desired } from '../../controller/desired.ts';
import { occurrencesOf } from '../../controller/occurrences.ts';
import type { WorkerState } from '../../controller/workers.ts';
import { surroundings, taskOf } from './sampleTasks.ts';

const later = '2026-01-01T00:00:10Z';

function worker(name: string, more: Partial<WorkerState> = {}): WorkerState {
  return { name, stages: ['detect'], node: 'edge-1', wanted: 1, ready: 1, phase: 'Running', ...more };
}

function facts(more: Partial<Facts> = {}): Facts {
  return {
    generation: 3,
    now: '2026-01-01T00:00:00Z',
    before: {},
    isSuspended: false,
    isCompleted: false,
    cameras: 2,
    work: '',
    models: { isOk: true },
    created: { isOk: true },
    workers: [worker('t-detect')],
    edges: [],
    quarrels: [],
    modelNames: { detect: 'd' },
    ...more,
  };
}

function claims({ conditions }: { conditions: Status['conditions'] }): Record<string, string> {
  return Object.fromEntries(
    (conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );
}

const failed = worker('t-detect', {
  ready: 0,
  phase: 'Failed',
  trouble: { reason: 'OOMKilled', message: 'it needed more' },
});
const camera = (id: string, state: 'connected' | 'failed' | 'reconnecting' | 'ended', message?: string) => ({
  id,
  state,
  ...(message !== undefined && { message }),
});
const notOk = (isFinal: boolean) => ({ isOk: false as const, isFinal, reason: 'Why', message: 'because' });

test.each<[string, Partial<Facts>, string, Record<string, string>]>([
  ['all is well', {}, 'Running', { Ready: 'True WorkersReady', WorkersCreated: 'True Created' }],
  [
    'a model is not known',
    { models: notOk(true), workers: [] },
    'Failed',
    { Ready: 'False Why', ModelsResolved: 'False Why', WorkersCreated: 'Unknown ModelsNotResolved' },
  ],
  [
    'the server is busy',
    { created: notOk(false) },
    'Pending',
    { Ready: 'False Why', WorkersCreated: 'False Why' },
  ],
  ['an object is refused', { created: notOk(true) }, 'Failed', { WorkersCreated: 'False Why' }],
  [
    'pods wait',
    { workers: [worker('w', { ready: 0, phase: 'Pending' })] },
    'Pending',
    { Ready: 'False WorkersNotReady' },
  ],
  [
    'one of two starts',
    { workers: [worker('v'), worker('w', { ready: 0, phase: 'Starting' })] },
    'Starting',
    { Ready: 'False WorkersNotReady', Degraded: 'False AsExpected' },
  ],
  [
    'a worker fails',
    { workers: [failed] },
    'Degraded',
    { Ready: 'False OOMKilled', Degraded: 'True OOMKilled' },
  ],
  [
    'it is suspended',
    { isSuspended: true, workers: [worker('w', { wanted: 0, ready: 0, phase: 'Stopped' })] },
    'Suspended',
    { Ready: 'False Suspended', SourcesConnected: 'False Suspended' },
  ],
  [
    'it is completed',
    { isCompleted: true },
    'Completed',
    { Ready: 'False Completed', Completed: 'True AllDone' },
  ],
  [
    'a camera reconnects',
    { before: { cameras: [camera('a', 'connected'), camera('b', 'reconnecting')] } },
    'Degraded',
    { Ready: 'True WorkersReady', SourcesConnected: 'False CamerasAway', Degraded: 'True CamerasAway' },
  ],
  [
    'all cameras failed',
    { before: { cameras: [camera('a', 'failed')] } },
    'Failed',
    { SourcesConnected: 'False CamerasAway' },
  ],
  [
    'all cameras send or have ended',
    { before: { cameras: [camera('a', 'connected'), camera('b', 'ended')] } },
    'Running',
    { SourcesConnected: 'True Connected', Degraded: 'False AsExpected' },
  ],
])('%s', (_, more, phase, expected) => {
  const status = statusOf(facts(more));
  expect([status.phase, claims(status)]).toEqual([phase, expect.objectContaining(expected)]);
  expect(status.observedGeneration).toBe(3);
});

const said = (worker: string, sequence: number, message?: string, stage: 'match' | 'detect' = 'match') => ({
  ...{ time: later, node: 'cloud', worker, stage, sequence, phase: 'Running' as const },
  ...(message !== undefined && { message }),
});
const matching = (name: string, more: Partial<WorkerState> = {}) =>
  worker(name, { stages: ['match'], node: 'cloud', ...more });

test.each<[string, Partial<Facts>, string]>([
  [
    'a picture that is not there',
    { workers: [matching('m')], before: { reports: [said('m', 1), said('m', 2, 'picture 1 is not there')] } },
    'True WorkerComplains worker m: picture 1 is not there',
  ],
  [
    'one that is there by now',
    { workers: [matching('m')], before: { reports: [said('m', 1, 'picture 1 is not there'), said('m', 2)] } },
    'False AsExpected ',
  ],
  [
    'the same of two stages',
    {
      workers: [matching('m')],
      before: { reports: [said('m', 1, 'not in force'), said('m', 1, 'not in force', 'detect')] },
    },
    'True WorkerComplains worker m: not in force',
  ],
  [
    'a worker that stands by',
    {
      workers: [matching('m'), matching('m2')],
      before: { owner: 'm', reports: [said('m', 1), said('m2', 1, 'stands by, m decides')] },
    },
    'False AsExpected ',
  ],
  [
    'a worker that there is no more',
    { workers: [matching('m')], before: { reports: [said('old', 1, 'picture 1 is not there')] } },
    'False AsExpected ',
  ],
  [
    'a worker that does not run',
    {
      workers: [matching('m', { ready: 0, phase: 'Starting' })],
      before: { reports: [said('m', 1, 'picture 1 is not there')] },
    },
    'False AsExpected ',
  ],
])('what a running worker complains of: %s', (_, more, expected) => {
  const { conditions } = statusOf(facts(more));
  const { status, reason, message } = conditions.find(({ type }) => type === 'Degraded')!;
  expect(`${status} ${reason} ${message}`).toBe(expected);
});

test('messages say who and why', () => {
  const { conditions, stages } = statusOf(
    facts({ workers: [failed], before: { cameras: [camera('gate', 'failed', 'wrong password')] } }),
  );
  const message = (type: string) => conditions.find((each) => each.type === type)?.message;
  expect(message('Degraded')).toBe('worker t-detect: it needed more; camera gate failed: wrong password');
  expect(stages).toEqual([
    {
      name: 'detect',
      phase: 'Failed',
      workers: 1,
      readyWorkers: 0,
      model: 'd',
      message: 'worker t-detect: it needed more',
    },
  ]);
});

test('a condition changes its time only with its status, so that nothing is written in circles', () => {
  const before = statusOf(facts());
  const again = statusOf(facts({ before, now: later }));
  expect(again).toEqual(before);
  const changed = statusOf(facts({ before, now: later, workers: [failed] }));
  const times = Object.fromEntries(changed.conditions.map((each) => [each.type, each.lastTransitionTime]));
  expect(times).toMatchObject({ Ready: later, Degraded: later, ModelsResolved: '2026-01-01T00:00:00Z' });
});

test('failure is not for ever', () => {
  const before = statusOf(facts({ workers: [failed], models: notOk(true) }));
  expect(statusOf(facts({ before })).phase).toBe('Running');
});

test('people are told of changes they can act on, once', () => {
  const running = statusOf(facts()).conditions;
  const broken = statusOf(facts({ workers: [failed] })).conditions;
  const told = (from: Parameters<typeof occurrencesOf>[0], to: typeof running) =>
    occurrencesOf(from, to).map(({ type, reason }) => `${type} ${reason}`);
  expect(told([], running)).toEqual([]);
  expect(told(running, running)).toEqual([]);
  expect(told(running, broken)).toEqual(['Warning OOMKilled']);
  expect(told(broken, running)).toEqual(['Normal Recovered']);
});

const recording = '{cameras: [{id: a, node: edge-1, source: {uri: /var/lib/recordings/a.mp4}}]}';
const readySinceMs = Date.parse('2026-01-01T00:00:00Z');
const finished = [
  worker('t-ingest', { stages: ['ingest', 'detect'], readySinceMs }),
  worker('t-cloud', { stages: ['match', 'status'], node: 'cloud', readySinceMs }),
];
const report = (name: string, phase: 'Completed' | 'Running', seconds: number) => ({
  name,
  phase,
  lastReportTime: new Date(readySinceMs + seconds * 1000).toISOString(),
});

function withStatus(task: Task, status: Status): Task {
  return { ...task, status };
}

test.each<[string, string, WorkerState[], NonNullable<Status['nodes']>, boolean]>([
  [
    'all said so',
    recording,
    finished,
    [report('edge-1', 'Completed', 30), report('cloud', 'Completed', 30)],
    true,
  ],
  [
    'one still works',
    recording,
    finished,
    [report('edge-1', 'Running', 30), report('cloud', 'Completed', 30)],
    false,
  ],
  ['one is silent', recording, finished, [report('edge-1', 'Completed', 30)], false],
  [
    'a report is of the worker before this one',
    recording,
    finished,
    [report('edge-1', 'Completed', -5), report('cloud', 'Completed', 30)],
    false,
  ],
  [
    'a worker is not ready',
    recording,
    [finished[0]!, { ...finished[1]!, ready: 0 }],
    [report('edge-1', 'Completed', 30), report('cloud', 'Completed', 30)],
    false,
  ],
  [
    'live cameras never end',
    '{cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]}',
    finished,
    [report('edge-1', 'Completed', 30), report('cloud', 'Completed', 30)],
    false,
  ],
])('completed: %s', (_, spec, workers, nodes, expected) => {
  expect(isCompleted(withStatus(taskOf(spec), { nodes }), workers)).toBe(expected);
});

const tape = '{uri: /var/lib/recordings/a.mp4, startTime: "2026-01-01T00:00:00Z"}';
const done = `cameras: [{id: a, node: edge-1, source: ${tape}}]`;

test.each<[string, string, boolean]>([
  ['is not edited', done, true],
  ['is suspended', `${done}, suspend: true`, true],
  ['shares the work out otherwise', `${done}, packing: PerNode`, true],
  ['keeps results longer', `${done}, retention: {results: 900d}`, true],
  ['wants other scores', `${done}, stages: {detect: {params: {scoreThreshold: 0.7}}}`, false],
  ['matches otherwise', `${done}, matching: {threshold: 0.9}`, false],
  ['has one more camera', done.replace(/\[(.*)\]/, `[$1, {id: b, node: edge-1, source: ${tape}}]`), false],
])('what is completed stays so when the task %s: %s -> %s', (_, edited, expected) => {
  const work = (spec: string) => workOf(desired(taskOf(`{${spec}}`), surroundings));
  const { conditions, completedWork } = statusOf(facts({ isCompleted: true, work: work(done) }));
  const task = withStatus(taskOf(`{${edited}}`), { conditions, ...(completedWork && { completedWork }) });
  expect(wasCompleted(task, work(edited))).toBe(expected);
});

const counted = (count: string): Status => ({
  camerasConnected: count,
  cameras: [{ id: 'a', state: 'connected' }],
});
test.each<[string, Partial<Facts>, string | undefined]>([
  ['nobody has reported', {}, '0/2'],
  ['a model is not known', { models: notOk(true), workers: [] }, '0/2'],
  ['the status function counts', { before: counted('1/2') }, undefined],
  ['none is connected, whoever said so', { before: counted('0/2') }, '0/2'],
  ['cameras came that nobody counts yet', { before: counted('0/2'), cameras: 3 }, '0/3'],
  ['reports are there and no count', { before: { cameras: counted('').cameras! } }, '0/2'],
  ['no workers run', { before: counted('2/2'), isSuspended: true }, '0/2'],
])('cameras connected when %s', (_, more, expected) => {
  expect(statusOf(facts(more)).camerasConnected).toBe(expected);
});
