// The install and tasks of two cameras on real nodes, for the tests with real pods.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadFunctions } from '../../config/functions.ts';
import { manifestsYaml } from '../../config/manifests.ts';
import type { Task } from '../../config/schema/resource.ts';
import { buildImage } from '../../image/build.ts';
import { peakMemory } from '../support/cluster/realNodes/podMemory.ts';
import type { RealCluster } from '../support/cluster/realNodes/realCluster.ts';
import { eventually, readTask } from './liveController.ts';

export interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { containerStatuses?: { ready: boolean; restartCount: number }[] };
}

/** Builds the image, gives it to the nodes of these names, applies what `npm run manifests` prints, and waits for it. */
export async function installOnNodes(cluster: RealCluster, names: string[]): Promise<void> {
  const { kubectl, nodes, folder } = cluster;
  execFileSync('npm', ['run', '--silent', 'build'], { timeout: 240_000 });
  const image = join(folder, 'image.tar');
  await buildImage({ out: image, name: loadFunctions().image, compress: false });
  await Promise.all(nodes.filter(({ name }) => names.includes(name)).map((node) => node.importImage(image)));
  rmSync(image);
  await kubectl(['apply', '--server-side', '-f', '-'], manifestsYaml('plain'));
  const controller = ['-n', 'multi-edge-inference', 'deployment/controller'];
  await kubectl(['wait', '--for=condition=Available', ...controller, '--timeout=55s']);
}

/** Puts the sample recordings where an installation lets tasks read files of a node. */
export function giveRecordings({ nodes }: RealCluster, node: string): void {
  const folder = join(nodes.find(({ name }) => name === node)!.libraryFolder, 'recordings');
  mkdirSync(folder);
  for (const name of ['left.mp4', 'right.mp4']) copyFileSync(join('samples', name), join(folder, name));
}

/** Little is asked for, so that several workers fit on a machine of two cores. */
export const little = { requests: { cpu: '10m' } };
export const littleForAll = Object.fromEntries(
  ['ingest', 'detect', 'embed', 'match', 'status'].map((stage) => [stage, { resources: little }]),
);

/** The sample of two cameras on `node`, with one picture a second; `change` replaces parts of the spec. */
export async function applySample(
  { kubectl }: RealCluster,
  name: string,
  change: object,
  node = 'edge-1',
): Promise<void> {
  const text = readFileSync('config/samples/two-cameras.yaml', 'utf8');
  const task = parse(text.replaceAll('../../samples/', '/var/lib/recordings/')) as Task;
  const cameras = task.spec.cameras.map((camera) => ({ ...camera, node, fps: 1 }));
  const spec = { ...task.spec, cameras, stages: littleForAll, ...change };
  await kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({ ...task, metadata: { name, namespace: 'default' }, spec }),
  );
}

export function taskUntil(
  cluster: RealCluster,
  name: string,
  isWanted: (task: Task) => boolean,
): Promise<Task> {
  return eventually(() => readTask(cluster, name), isWanted, 150_000);
}

export async function podsOf({ request }: RealCluster, task: string): Promise<Pod[]> {
  const selector = `labelSelector=multiedgeinference.sedna.io/name=${task}`;
  const { body } = await request('GET', `/api/v1/namespaces/default/pods?${selector}`);
  return (body as { items: Pod[] }).items;
}

/** The worker's present pod; undefined while there is none. */
export async function podOf(cluster: RealCluster, task: string, worker: string): Promise<Pod | undefined> {
  const pods = await podsOf(cluster, task);
  return pods.find((pod) => workerOf(pod) === worker && pod.metadata.deletionTimestamp === undefined);
}

/** A pod's name is its Deployment's, and two parts of letters. */
export function workerOf({ metadata }: Pod): string {
  return metadata.name.split('-').slice(0, -2).join('-');
}

/** Deletes it and waits until its pods have ended. */
export async function removeTask(cluster: RealCluster, name: string): Promise<void> {
  await cluster.kubectl(['delete', 'mei', name]);
  await eventually(
    () => podsOf(cluster, name),
    (pods) => pods.length === 0,
  );
}

/** Such as `hall-match 80 MiB`: most memory so far; `before` is kept for pods that have ended. */
export function memoryOf(
  cluster: RealCluster,
  pods: Pod[],
  before: Map<string, number>,
): Map<string, number> {
  return new Map(
    pods.map((pod) => {
      const bytes = peakMemory(cluster.cgroup, pod.metadata.uid);
      const worker = workerOf(pod);
      return [worker, bytes === undefined ? (before.get(worker) ?? 0) : Math.round(bytes / 2 ** 20)];
    }),
  );
}
