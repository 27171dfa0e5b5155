// What a task says of a pod in trouble, out of what kubelet and scheduler really write: in words, and the same words at every try.
import { expect, test } from '@jest/globals';
import type { V1ContainerStatus, V1PodStatus } from '@kubernetes/client-node';
import { desired } from '../../controller/desired.ts';
import { workerLabel, type Manifest } from '../../controller/objects/manifest.ts';
import { podView } from '../../controller/podView.ts';
import { workerStates, type WorkerState } from '../../controller/workers.ts';
import { surroundings, taskOf } from './sampleTasks.ts';

const { workers } = desired(
  taskOf('{packing: PerNode, cameras: [{id: a, node: edge-1, source: {uri: /var/lib/recordings/a.mp4}}]}'),
  surroundings,
);
const labels = { [workerLabel]: 'gate-edge-edge-1' };
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'gate-edge-edge-1', namespace: 'default', labels },
  spec: { replicas: 1, template: { metadata: {} } },
} as unknown as Manifest;

/** Of pods as the controller keeps them. */
function stateOf(...statuses: V1PodStatus[]): WorkerState {
  const pods = statuses.map((status) =>
    podView({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'default', labels },
      spec: { nodeName: 'edge-1' },
      status,
    }),
  );
  const states = workerStates(workers, [deployment], [], pods);
  return states.find(({ name }) => name === 'gate-edge-edge-1')!;
}

function container(state: object, more: Partial<V1ContainerStatus> = {}): V1PodStatus {
  const status = { name: 'worker', image: 'i:1', imageID: '', ready: false, restartCount: 2, state, ...more };
  return { phase: 'Running', containerStatuses: [status] };
}

const pull = 'rpc error: code = Unknown desc = failed to pull and unpack image "i:1": no such host';
const crashed = { terminated: { exitCode: 1, reason: 'Error', message: 'model own: wrong digest' } };
const killed = { terminated: { exitCode: 137, reason: 'OOMKilled' } };
const running = { running: { startedAt: new Date(0) } };
const crashLoop = {
  waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5s restarting failed container' },
};

test.each<[title: string, reason: string, steps: V1PodStatus[], words: string]>([
  [
    'a pull that is tried again',
    'ImagePullBackOff',
    [
      container({ waiting: { reason: 'ErrImagePull', message: pull } }),
      container({
        waiting: {
          reason: 'ImagePullBackOff',
          message: `Back-off pulling image "i:1": ErrImagePull: ${pull}`,
        },
      }),
    ],
    `image i:1 cannot be pulled: ${pull}`,
  ],
  [
    'a crash loop',
    'CrashLoopBackOff',
    [
      container(crashed),
      container(crashLoop, { lastState: crashed }),
      container(running, { lastState: crashed, started: false }),
    ],
    'it ended by itself (restarted 2 times): model own: wrong digest',
  ],
  [
    'memory that never suffices',
    'OOMKilled',
    [
      container(killed),
      container(crashLoop, { lastState: killed }),
      container(running, { lastState: killed, started: false }),
    ],
    'it needed more memory than its limit: raise spec.stages.ingest.resources.limits.memory',
  ],
])('%s is one trouble at every step', (_title, reason, steps, message) => {
  for (const step of steps)
    expect(stateOf(step)).toMatchObject({ phase: 'Failed', trouble: { reason, message } });
});

test('a container that has started again is in no trouble any more', () => {
  const again = stateOf(container(running, { lastState: crashed, started: true }));
  expect([again.phase, again.trouble]).toEqual(['Starting', undefined]);
});

test('an evicted pod says why, until the pod that takes its place is there', () => {
  const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 96Mi. ';
  const evicted = { phase: 'Failed', reason: 'Evicted', message };
  const starting = { ...container({ waiting: { reason: 'PodInitializing' } }), phase: 'Pending' };
  const ready = {
    ...container(running, { ready: true, started: true, restartCount: 0 }),
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date(0) }],
  };
  for (const pods of [[evicted], [evicted, starting]])
    expect(stateOf(...pods).trouble).toEqual({
      reason: 'Evicted',
      message: `its node evicted it: ${message.trim()}`,
    });
  const again = stateOf(evicted, ready);
  expect([again.phase, again.trouble]).toEqual(['Running', undefined]);
});

const noOthers =
  '. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.';

test.each([
  [
    "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]",
    "node edge-1 does not take it: 0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]",
  ],
  [
    "0/3 nodes are available: 3 node(s) didn't satisfy plugin(s) [NodeAffinity]",
    "node edge-1 does not take it: 0/3 nodes are available: 3 node(s) didn't satisfy plugin(s) [NodeAffinity] (is there a node edge-1, with the labels that the task asks for?)",
  ],
  [
    "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector",
    "node edge-1 does not take it: 0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector",
  ],
])('unschedulable: %s', (message, words) => {
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message: `${message}${noOthers}`,
  };
  const { phase, trouble } = stateOf({ phase: 'Pending', conditions: [condition] });
  expect([phase, trouble]).toEqual(['Pending', { reason: 'Unschedulable', message: words }]);
});

test('a pod that its node cannot prepare says where to look', () => {
  const conditions = [{ type: 'PodReadyToStartContainers', status: 'False' }];
  const creating = container({ waiting: { reason: 'ContainerCreating' } });
  const { trouble, waitsFor } = stateOf({ ...creating, phase: 'Pending', conditions });
  expect(trouble).toBeUndefined();
  expect(waitsFor).toBe(
    'node edge-1 prepares its volumes and network; if it goes on, kubectl describe pod p says why',
  );
  // Once they are there it pulls its image, which may take long and is no fault.
  const pulling = [{ type: 'PodReadyToStartContainers', status: 'True' }];
  expect(stateOf({ ...creating, phase: 'Pending', conditions: pulling }).waitsFor).toBeUndefined();
});
