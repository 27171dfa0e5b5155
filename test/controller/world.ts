// All that a task has brought about on a cluster, without what differs from run to run: fault tests compare two of them.
import type { Task } from '../../config/schema/resource.ts';
import { taskLabel, workerLabel, type Manifest } from '../../controller/objects/manifest.ts';
import { ownedResources } from '../../controller/resources.ts';
import type { Cluster } from '../support/cluster/cluster.ts';
import { taskPath } from './liveController.ts';

export interface World {
  status: unknown;
  /** `Kind/name` -> what was set in it. */
  objects: Record<string, unknown>;
  /** Worker -> phases of its pods. */
  pods: Record<string, string[]>;
  /** Reasons of the events on the task; each at most once a run. */
  events: string[];
  /** `Kind/name` -> how often its spec was changed. */
  generations: Record<string, number>;
}

/** Names and uids are replaced, so that runs of different tasks compare. Undefined when there is no task. */
export async function worldOf(cluster: Cluster, name: string): Promise<World | undefined> {
  const answer = await cluster.request('GET', taskPath(name));
  if (answer.status === 404) return undefined;
  const { metadata, status } = answer.body as Task;
  const [objects, pods, events] = await Promise.all([
    ownedObjects(cluster, name),
    listed(cluster, '/api/v1/namespaces/default/pods', name),
    listed(cluster, '/api/v1/namespaces/default/events'),
  ]);
  const world: World = {
    status: withoutTimes(status),
    objects: Object.fromEntries(
      objects.map((object) => [`${object.kind}/${object.metadata.name}`, settings(object)]),
    ),
    pods: podPhases(pods),
    events: events
      .filter((event) => involves(event, metadata.uid))
      .map(({ reason }) => String(reason))
      .sort(),
    generations: Object.fromEntries(
      objects.flatMap(({ kind, metadata: { name, generation } }) =>
        generation === undefined ? [] : [[`${kind}/${name}`, generation]],
      ),
    ),
  };
  const text = JSON.stringify(world)
    .replaceAll(metadata.uid ?? '', 'UID')
    .replaceAll(name, 'NAME')
    .replaceAll(/NAME-task-[0-9a-f]{8}/g, 'NAME-task-UID')
    .replace(/config-hash":"[^"]*"/g, 'config-hash":"HASH"')
    .replace(/(observedGeneration|generation)(\\?"):\d+/g, '$1$2:0');
  return JSON.parse(text) as World;
}

/** Names of everything that bears the task's label, pods too. */
export async function leftovers(cluster: Cluster, name: string): Promise<string[]> {
  const [objects, pods] = await Promise.all([
    ownedObjects(cluster, name),
    listed(cluster, '/api/v1/namespaces/default/pods', name),
  ]);
  return [...objects, ...pods].map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}

async function ownedObjects(cluster: Cluster, name: string): Promise<Manifest[]> {
  const lists = ownedResources.map(async ({ apiVersion, kind, plural }) => {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const items = await listed(cluster, `${root}/namespaces/default/${plural}`, name);
    return items.map((item) => ({ ...item, kind }));
  });
  return (await Promise.all(lists)).flat();
}

async function listed({ request }: Cluster, path: string, task?: string): Promise<Manifest[]> {
  const selector = task === undefined ? '' : `?labelSelector=${encodeURIComponent(`${taskLabel}=${task}`)}`;
  const { status, body } = await request('GET', `${path}${selector}`);
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  return (body as { items: Manifest[] }).items;
}

/** What the controller decides; not what the server and other controllers add. */
function settings({ metadata, status: _status, ...content }: Manifest): unknown {
  const { labels, annotations = {}, ownerReferences } = metadata;
  const { 'deployment.kubernetes.io/revision': _revision, ...own } = annotations;
  const { clusterIP: _ip, clusterIPs: _ips, ...spec } = (content['spec'] ?? {}) as Record<string, unknown>;
  return { ...content, spec, metadata: { labels, annotations: own, ownerReferences } };
}

function podPhases(pods: readonly Manifest[]): Record<string, string[]> {
  const phases: Record<string, string[]> = {};
  for (const { metadata, status } of pods) {
    const phase = metadata.deletionTimestamp ? 'going' : (status as { phase: string }).phase;
    (phases[metadata.labels?.[workerLabel] ?? ''] ??= []).push(phase);
  }
  return Object.fromEntries(Object.entries(phases).sort());
}

function involves(event: Manifest, uid: string | undefined): boolean {
  return (event['involvedObject'] as { uid?: string }).uid === uid;
}

function withoutTimes(status: unknown): unknown {
  return JSON.parse(
    JSON.stringify(status ?? {}, (key, value: unknown) => (key === 'lastTransitionTime' ? undefined : value)),
  );
}
