// The bridge's manifests: its settings are ones that it takes, its paths exist in its pod, and workers that match admit it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { V1Deployment, V1NetworkPolicy } from '@kubernetes/client-node';
import { loadFunctions } from '../../config/functions.ts';
import { assemble } from '../../config/install/assemble.ts';
import { desired } from '../../controller/desired.ts';
import { workerLabels } from '../../controller/objects/manifest.ts';
import { readBridgeConfig } from '../../functions/bridge/config.ts';
import { sampleTask, surroundings } from '../controller/sampleTasks.ts';

const objects = assemble('config/bridge');
const find = <T>(kind: string, name = 'mei-bridge') =>
  objects.find((each) => each.kind === kind && each.metadata.name === name) as T;
const deployment = find<V1Deployment>('Deployment');
const pod = deployment.spec!.template.spec!;

test('the bridge takes its settings, whose files are in volumes of its pod', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mei-bridge-manifest-'));
  const { data } = find<{ data: Record<string, string> }>('ConfigMap');
  mkdirSync(join(folder, 'settings'));
  writeFileSync(join(folder, 'settings', 'bridge.yaml'), data['bridge.yaml']!);
  const config = readBridgeConfig(join(folder, 'settings', 'bridge.yaml'));
  rmSync(folder, { recursive: true, force: true });
  const [container] = pod.containers;
  const mounts = container!.volumeMounts!.map(({ mountPath }) => mountPath);
  const inPod = (path: string) => path.replace(folder, '/etc/mei-bridge');
  expect(mounts).toContain(inPod(config.console.tokenFile!).replace(/\/[^/]+$/, ''));
  expect(mounts).toContain(config.stateFolder);
  expect(container!.args!.at(-1)).toBe('/etc/mei-bridge/settings/bridge.yaml');
  expect(container!.image).toBe(loadFunctions().image);
});

test('it follows a Service that the sample task has, and the worker behind it admits it', () => {
  const task = sampleTask('rtsp');
  const { data } = find<{ data: Record<string, string> }>('ConfigMap');
  const service = /url: http:\/\/([^/]+)\/console\//.exec(data['bridge.yaml']!)![1];
  const worker = desired(task, surroundings).workers.find(({ name }) => name === service)!;
  expect(worker.config.stages).toContain('match');
  const { spec } = find<V1NetworkPolicy>('NetworkPolicy', 'mei-bridge-to-console');
  const { key, values } = spec!.podSelector!.matchExpressions![0]!;
  expect(values).toContain(workerLabels(task, worker)[key]);
  const { from } = spec!.ingress![0] as unknown as { from: { podSelector: { matchLabels: object } }[] };
  expect(deployment.spec!.template.metadata!.labels).toMatchObject(from[0]!.podSelector.matchLabels);
});
