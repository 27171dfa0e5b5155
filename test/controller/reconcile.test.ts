// One task's way with a server that answers when the test says so: what a real one cannot be made to do.
import { expect, test } from '@jest/globals';
import { loadFunctions } from '../../config/functions.ts';
import { ApiError } from '../../controller/errors.ts';
import { stageAccount } from '../../controller/objects/access.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { OwnWrites } from '../../controller/ownWrites.ts';
import { Patience } from '../../controller/patience.ts';
import { Quarrels } from '../../controller/quarrels.ts';
import { reconcile, type Reconciler } from '../../controller/reconcile.ts';
import { TaskTokens } from '../../controller/taskTokens.ts';
import { recordingLog } from './recordingLog.ts';
import { installation, surroundings, taskOf } from './sampleTasks.ts';

const live = '{cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]}';
const unknownModel = live.replace(/}$/, ', stages: {detect: {modelRef: {name: nobody-knows-it}}}}');

function taskNamed(name: string, spec: string): Manifest {
  const task = taskOf(spec);
  const metadata = { ...task.metadata, name, uid: `uid-of-${name}`, resourceVersion: '7' };
  return { ...task, metadata } as unknown as Manifest;
}

/** A controller whose copies show tasks and nothing else; `onCreate` is asked before anything is made. */
function controllerOf(
  tasks: Manifest[],
  onCreate: (object: Manifest) => Promise<void> = async () => undefined,
) {
  const created: string[] = [];
  const applied: Manifest[] = [];
  const again: string[] = [];
  let version = 100;
  const stored = (object: Manifest): Manifest => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: String(version++) },
  });
  const cluster: Reconciler['cluster'] = {
    async create(object) {
      created.push(`${object.kind}/${object.metadata.name}`);
      await onCreate(object);
      return stored(object);
    },
    async claim(object) {
      return cluster.create(object);
    },
    async apply(object) {
      applied.push(object);
      const task = tasks.find(({ metadata }) => metadata.name === object.metadata.name);
      return stored({ ...task, ...object, metadata: { ...task?.metadata, ...object.metadata } });
    },
    isThere: async () => false,
    remove: async () => undefined,
  };
  const context: Reconciler = {
    cluster,
    view: {
      task: (key) => tasks.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key),
      owned: () => [],
      named: () => undefined,
      pods: () => [],
    },
    ownWrites: new OwnWrites(() => 0),
    quarrels: new Quarrels(),
    patience: new Patience(() => false),
    later: (key) => void again.push(key),
    strangers: new Set(),
    podWarnings: { of: async () => new Map(), forget: () => undefined },
    sharing: new Map(),
    taskTokens: new TaskTokens(['k'.repeat(32)]),
    functions: loadFunctions(),
    installation,
    models: surroundings,
    knative: {
      serving: 'absent',
      eventing: 'absent',
      features: undefined,
      broker: () => undefined,
      owned: () => [],
    },
    reporter: 'test',
    now: () => '2026-01-01T00:00:00Z',
    log: recordingLog(),
  };
  return { context, cluster, created, applied, again };
}

/** Something that happens when the test says so. */
function gateway() {
  let resolve!: () => void;
  const promise = new Promise<void>((open) => (resolve = open));
  return { promise, resolve };
}

const accounts = (created: string[]) => created.filter((each) => each === `ServiceAccount/${stageAccount}`);
const isToken = ({ kind, metadata }: Manifest, name: string) =>
  kind === 'Secret' && metadata.ownerReferences?.[0]?.name === name;

test('a task planned before another one made the shared account does not ask for it once more', async () => {
  const gate = gateway();
  const reached = gateway();
  const { context, created } = controllerOf(
    [taskNamed('first', live), taskNamed('late', live)],
    async (object) => {
      if (!isToken(object, 'late')) return;
      reached.resolve();
      await gate.promise;
    },
  );
  // By when its token is made, the late one has its plan, with the account in it.
  const late = reconcile(context, 'default/late');
  await reached.promise;
  await reconcile(context, 'default/first');
  expect(accounts(created)).toHaveLength(1);
  gate.resolve();
  await late;
  expect(accounts(created)).toHaveLength(1);
  expect(created).toContain('Deployment/late-detect-edge-1');
});

test('a task that comes while the shared account is being made waits for it, and makes no pods before', async () => {
  const gate = gateway();
  const reached = gateway();
  const { context, created } = controllerOf(
    [taskNamed('first', live), taskNamed('second', live)],
    async (object) => {
      if (object.metadata.name !== stageAccount) return;
      reached.resolve();
      await gate.promise;
    },
  );
  const first = reconcile(context, 'default/first');
  await reached.promise;
  const second = reconcile(context, 'default/second');
  // Everything else that comes before pods is made meanwhile: what is left waits for the account alone.
  while (!created.includes('ServiceAccount/second-status'))
    await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(created.filter((each) => each.startsWith('Deployment/'))).toEqual([]);
  gate.resolve();
  await Promise.all([first, second]);
  expect(accounts(created)).toHaveLength(1);
  expect(created.filter((each) => each.startsWith('Deployment/')).length).toBeGreaterThan(5);
});

test('a shared account that the server refuses fails both tasks, and is asked for anew by the next try', async () => {
  let isRefused = true;
  const { context, created } = controllerOf(
    [taskNamed('first', live), taskNamed('second', live)],
    async (object) => {
      if (object.metadata.name === stageAccount && isRefused) throw new ApiError(500, 'InternalError', 'no');
    },
  );
  const outcomes = await Promise.allSettled(
    ['first', 'second'].map((name) => reconcile(context, `default/${name}`)),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isRefused = false;
  const before = accounts(created).length;
  await reconcile(context, 'default/first');
  expect(accounts(created).length).toBe(before + 1);
});

test('cameras are counted by whoever knows of them: the first status names the version that it is based on', async () => {
  const { context, cluster, applied, again } = controllerOf([taskNamed('gate', unknownModel)]);
  await reconcile(context, 'default/gate');
  expect(applied).toHaveLength(1);
  expect(applied[0]).toMatchObject({
    metadata: { name: 'gate', resourceVersion: '7' },
    status: { phase: 'Failed', camerasConnected: '0/1' },
  });
  expect(again).toEqual([]);
  cluster.apply = () => Promise.reject(new ApiError(409, 'Conflict', 'the object has been modified'));
  const second = controllerOf([taskNamed('gate', unknownModel)]);
  second.context.cluster.apply = cluster.apply;
  await reconcile(second.context, 'default/gate');
  expect(second.again).toEqual(['default/gate']);
});

test('a count of the status function is left alone, whatever version the copy shows', async () => {
  const task = taskNamed('gate', unknownModel);
  const cameras = [{ id: 'a', state: 'connected' }];
  const { context, applied } = controllerOf([{ ...task, status: { camerasConnected: '1/1', cameras } }]);
  await reconcile(context, 'default/gate');
  expect(applied[0]!.metadata).not.toHaveProperty('resourceVersion');
  expect(applied[0]!['status']).not.toHaveProperty('camerasConnected');
});
