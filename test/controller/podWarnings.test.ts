import { expect, test } from '@jest/globals';
import { ApiError } from '../../controller/errors.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import type { PodView } from '../../controller/podView.ts';
import { PodWarnings } from '../../controller/podWarnings.ts';

const preparing = (uid: string, isReady = 'False'): PodView => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `pod-${uid}`, namespace: 'shop', uid },
  status: {
    phase: 'Pending',
    conditions: [{ type: 'PodReadyToStartContainers', status: isReady }],
    containerStatuses: [
      {
        name: 'worker',
        image: 'i',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: 'ContainerCreating' } },
      },
    ],
  },
});

const warning = (at: string, message: string, reason = 'FailedMount') =>
  ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: at, namespace: 'shop', creationTimestamp: '2026-01-01T00:00:00Z' },
    type: 'Warning',
    reason,
    message,
    lastTimestamp: at,
  }) as Manifest;

/** Time stands still until `pass`; `answer` is what the server has of each pod. */
function start(answer: (uid: string) => Manifest[]) {
  let nowMs = 1000;
  const asked: string[] = [];
  const wakes: number[] = [];
  const warnings = new PodWarnings({
    cluster: {
      warnings: async ({ metadata }) => {
        asked.push(metadata.uid!);
        return answer(metadata.uid!);
      },
    },
    later: (_key, ms) => wakes.push(ms),
    patienceMs: 10_000,
    intervalMs: 30_000,
    nowMs: () => nowMs,
  });
  return { warnings, asked, wakes, pass: (ms: number) => (nowMs += ms) };
}

test('nobody asks about pods that start as they should, and later about those that do not', async () => {
  const missing = 'MountVolume.SetUp failed for volume "targets" : secret "children" not found';
  const { warnings, asked, wakes, pass } = start(() => [warning('2026-01-01T00:00:05Z', missing)]);
  expect(await warnings.of('shop/a', [preparing('1'), preparing('2', 'True')])).toEqual(new Map());
  pass(9_000);
  await warnings.of('shop/a', [preparing('1')]);
  expect([asked, wakes]).toEqual([[], [10_000, 1_000]]);
  pass(1_000);
  const trouble = { reason: 'FailedMount', message: 'it cannot be started: secret "children" not found' };
  expect(await warnings.of('shop/a', [preparing('1')])).toEqual(new Map([['1', trouble]]));
  pass(29_000);
  expect(await warnings.of('shop/a', [preparing('1')])).toEqual(new Map([['1', trouble]]));
  expect([asked, wakes.slice(2)]).toEqual([['1'], [30_000, 1_000]]);
  pass(1_000);
  await warnings.of('shop/a', [preparing('1')]);
  expect(asked).toEqual(['1', '1']);
  // It goes on at last.
  expect(await warnings.of('shop/a', [preparing('1', 'True')])).toEqual(new Map());
});

test('of several warnings the newest counts, and each pod has its own', async () => {
  const { warnings, pass } = start((uid) =>
    uid === '1'
      ? [
          warning('2026-01-01T00:00:09Z', 'failed to set up its network', 'FailedCreatePodSandBox'),
          warning('2026-01-01T00:00:05Z', 'older'),
        ]
      : [],
  );
  const pods = [preparing('1'), preparing('2')];
  await warnings.of('shop/a', pods);
  pass(10_000);
  expect([...(await warnings.of('shop/a', pods))]).toEqual([
    [
      '1',
      { reason: 'FailedCreatePodSandBox', message: 'it cannot be started: failed to set up its network' },
    ],
  ]);
});

test('an installation that may not read events loses these words and nothing else', async () => {
  const { warnings, pass } = start(() => {
    throw new ApiError(403, 'Forbidden', 'may not list events');
  });
  await warnings.of('shop/a', [preparing('1')]);
  pass(10_000);
  expect(await warnings.of('shop/a', [preparing('1')])).toEqual(new Map());
});

test('a pod that is gone is forgotten: another one waits as long as the first', async () => {
  const { warnings, asked, pass } = start(() => []);
  await warnings.of('shop/a', [preparing('1')]);
  pass(10_000);
  await warnings.of('shop/a', [preparing('2')]);
  warnings.forget('shop/a');
  await warnings.of('shop/a', [preparing('2')]);
  expect(asked).toEqual([]);
});
