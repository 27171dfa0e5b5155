// How long a deleted task is held for its nodes.
import { expect, test } from '@jest/globals';
import type { Downstream, NodeProgress } from '../../controller/downstream/downstream.ts';
import { ApiError } from '../../controller/errors.ts';
import { finalizer, hold, letGo, type FarewellContext } from '../../controller/farewell.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { recordingLog } from './recordingLog.ts';
import { taskOf } from './sampleTasks.ts';

const key = 'default/gate';

function world(connected: string[], waiting: string[], now = '2026-01-01T00:00:10Z') {
  const applied: Manifest[] = [];
  const later: number[] = [];
  const removed: string[] = [];
  const downstream = {
    progress: () => connected.map((node) => ({ node, isConnected: true }) as NodeProgress),
    forgetting: () => waiting,
    remove: (each: string) => void removed.push(each),
  } as unknown as Downstream;
  const log = recordingLog();
  const context: FarewellContext = {
    cluster: {
      apply: async (manifest) => {
        applied.push(manifest);
        return manifest;
      },
    },
    downstream,
    log,
    now: () => now,
    later: (_key, ms) => void later.push(ms),
  };
  return { context, applied, later, removed, log };
}

const plain = taskOf('{cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]}');
const withMetadata = (more: object) => ({ ...plain, metadata: { ...plain.metadata, ...more } });
const held = withMetadata({ finalizers: [finalizer, 'others.example/x'] });
const going = withMetadata({ finalizers: [finalizer], deletionTimestamp: '2026-01-01T00:00:00Z' });

test('a task is held once a node that has a part of it is connected, and only then', async () => {
  const busy = world(['edge-1'], []);
  await hold(busy.context, key, plain);
  expect(busy.applied.map(({ metadata }) => metadata.finalizers)).toEqual([[finalizer]]);
  expect(busy.applied[0]!.metadata.uid).toBe(plain.metadata.uid);
  for (const [connected, task] of [
    [[], plain],
    [['edge-1'], held],
  ] as const) {
    const quiet = world([...connected], []);
    expect(await hold(quiet.context, key, task)).toBeUndefined();
    expect(quiet.applied).toEqual([]);
  }
});

test('a controller that may not write finalizers works all the same', async () => {
  const { context, log } = world(['edge-1'], []);
  context.cluster.apply = async () => Promise.reject(new ApiError(403, 'Forbidden', 'may not'));
  expect(await hold(context, key, plain)).toBeUndefined();
  expect(log.lines).toEqual([expect.stringContaining('may not')]);
});

test.each([
  ['nobody is waited for', [], '2026-01-01T00:00:01Z', true],
  ['a node has not answered', ['edge-1'], '2026-01-01T00:00:29Z', false],
  ['it had its time', ['edge-1'], '2026-01-01T00:00:31Z', true],
])('when %s a deleted task goes: %j at %s', async (_, waiting, now, isGone) => {
  const { context, applied, later, removed } = world([], waiting, now);
  await letGo(context, key, going);
  expect(removed).toEqual([key]);
  expect(applied.map(({ metadata }) => metadata.finalizers)).toEqual(isGone ? [undefined] : []);
  expect(later).toEqual(isGone ? [] : [2000]);
});

test('a task that was never held is not written, nor one without local controllers', async () => {
  const { context, applied } = world([], ['edge-1']);
  await letGo(context, key, withMetadata({ deletionTimestamp: '2026-01-01T00:00:00Z' }));
  expect(applied).toEqual([]);
  const { downstream: _, ...without } = context;
  await letGo(without, key, going);
  expect(applied).toHaveLength(1);
});
