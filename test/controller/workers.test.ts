import { expect, test } from '@jest/globals';
import { desired } from '../../controller/desired.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import { hashAnnotation, workerLabel } from '../../controller/objects/manifest.ts';
import type { PodView } from '../../controller/podView.ts';
import { workerStates } from '../../controller/workers.ts';
import { installation, surroundings, taskOf } from './sampleTasks.ts';

const task = taskOf(
  '{packing: PerNode, cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]}',
);
const { workers } = desired(task, surroundings);
const { functions } = surroundings;
const manifests = manifestsOf(task, { workers }, { functions, installation, stopped: new Set() });
const [edge] = workers;
const deployment = manifests.find(
  ({ kind, metadata }) => kind === 'Deployment' && metadata.name === edge!.name,
) as unknown as { spec: { template: { metadata: { annotations: Record<string, string> } } } };
const current = deployment.spec.template.metadata.annotations[hashAnnotation]!;

function pod(hash: string, ready: 'True' | 'False', more: object = {}): PodView {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'p',
      namespace: 'default',
      labels: { [workerLabel]: edge!.name },
      annotations: { [hashAnnotation]: hash },
      ...more,
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready, lastTransitionTime: '2026-01-01T00:00:00Z' as never }],
    },
  };
}

test.each<[string, PodView[], string, number]>([
  ['no pod yet', [], 'Pending', 0],
  ['a pod that is not ready', [pod(current, 'False')], 'Starting', 0],
  ['a ready pod', [pod(current, 'True')], 'Running', 1],
  ['a ready pod of an earlier configuration', [pod('earlier', 'True')], 'Starting', 0],
  ['a ready pod that is going', [pod(current, 'True', { deletionTimestamp: 'now' })], 'Pending', 0],
  ['more ready pods than wanted', [pod(current, 'True'), pod(current, 'True')], 'Running', 1],
])('with %s a worker is as its pods say', (_, pods, phase, ready) => {
  expect(workerStates(workers, manifests, manifests, pods)[0]).toMatchObject({ phase, ready, wanted: 1 });
});

test('the hash of pods changes with anything that is in them, and with nothing else', () => {
  const hashOf = (spec: string) => {
    const edited = taskOf(spec);
    const plan = desired(edited, surroundings);
    const objects = manifestsOf(edited, plan, { functions, installation, stopped: new Set() });
    const found = objects.find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'gate-cloud',
    ) as unknown as typeof deployment;
    return found.spec.template.metadata.annotations[hashAnnotation];
  };
  const cameras = 'cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]';
  const before = hashOf(`{packing: PerNode, ${cameras}}`);
  expect(hashOf(`{packing: PerNode, matching: {threshold: 0.6}, ${cameras}}`)).toBe(before);
  expect(hashOf(`{packing: PerNode, stages: {match: {nodeSelector: {disk: fast}}}, ${cameras}}`)).not.toBe(
    before,
  );
});
