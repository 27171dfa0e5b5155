// Several workers of a stage in real containers: cameras shared, and a match worker that stands still is followed by the other.
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, jest, test } from '@jest/globals';
import { onRealNodes } from '../support/cluster/realNodes/onRealNodes.ts';
import { processesOf } from '../support/cluster/realNodes/podMemory.ts';
import type { RealCluster } from '../support/cluster/realNodes/realCluster.ts';
import { eventually } from './liveController.ts';
import {
  applySample,
  giveRecordings,
  installOnNodes,
  little,
  littleForAll,
  podOf,
  podsOf,
  taskUntil,
  workerOf,
} from './realTasks.ts';

jest.setTimeout(300_000);

const nodes = [
  { name: 'edge-1', isEdge: true },
  { name: 'cloud-1', isEdge: false },
];
const [first, second] = ['pair-match', 'pair-match2'];

/** A claim called `people` on a folder of the node. */
async function giveVolume({ kubectl, nodes: machines }: RealCluster, node: string): Promise<void> {
  const folder = join(machines.find(({ name }) => name === node)!.libraryFolder, 'people');
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  const common = { accessModes: ['ReadWriteOnce'], storageClassName: '' };
  const volume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'people' },
    spec: { ...common, capacity: { storage: '1Gi' }, hostPath: { path: '/var/lib/people' } },
  };
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'people', namespace: 'default' },
    spec: { ...common, volumeName: 'people', resources: { requests: { storage: '1Gi' } } },
  };
  for (const object of [volume, claim]) await kubectl(['apply', '-f', '-'], JSON.stringify(object));
}

onRealNodes('several workers of a stage in real pods', nodes, (cluster) => {
  beforeAll(async () => {
    await installOnNodes(cluster(), ['edge-1', 'cloud-1']);
    giveRecordings(cluster(), 'edge-1');
    await giveVolume(cluster(), 'cloud-1');
  }, 600_000);

  test('one match worker decides, the other follows when it stands still or is evicted, and people are found', async () => {
    const several = { resources: little, replicas: 2 };
    await applySample(cluster(), 'pair', {
      packing: 'PerStage',
      stages: { ...littleForAll, embed: several, match: several },
      retention: { claimName: 'people' },
    });
    await taskUntil(cluster(), 'pair', ({ status }) => (status?.identities ?? 0) > 0);
    const pods = await podsOf(cluster(), 'pair');
    const on = (node: string) =>
      pods
        .filter(({ spec }) => spec.nodeName === node)
        .map(workerOf)
        .sort();
    expect(on('cloud-1')).toEqual([first, second, 'pair-status']);
    expect(on('edge-1')).toEqual([
      'pair-detect-edge-1',
      'pair-embed-edge-1',
      'pair-embed2-edge-1',
      'pair-ingest-edge-1',
    ]);
    const { status } = await taskUntil(cluster(), 'pair', (task) => task.status?.owner !== undefined);
    const owner = status!.owner!;
    const other = owner === first ? second : first;

    // The kubelet ends it after a minute; the other one does not wait for that.
    const [pid] = processesOf(cluster().cgroup, (await podOf(cluster(), 'pair', owner))!.metadata.uid);
    process.kill(pid!, 'SIGSTOP');
    await taskUntil(cluster(), 'pair', (task) => task.status?.owner === other);
    const restarted = await eventually(
      () => podOf(cluster(), 'pair', owner),
      (pod) =>
        pod?.status.containerStatuses?.[0]?.restartCount === 1 && pod.status.containerStatuses[0].ready,
      120_000,
    );
    expect(restarted).toBeDefined();
    const followed = await taskUntil(cluster(), 'pair', (task) => task.status?.phase !== undefined);
    expect(followed.status?.owner).toBe(other);

    // Whoever comes first goes on: the one that stands by, or the pod that replaces the evicted one.
    const { metadata } = (await podOf(cluster(), 'pair', other))!;
    const path = `/api/v1/namespaces/default/pods/${metadata.name}/eviction`;
    const evict = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata.name } };
    await eventually(
      async () => (await cluster().request('POST', path, evict)).status,
      (code) => code === 201,
    );
    await eventually(
      () => podOf(cluster(), 'pair', other),
      (pod) => pod?.status.containerStatuses?.[0]?.ready === true && pod.metadata.uid !== metadata.uid,
    );
    const done = await taskUntil(cluster(), 'pair', (task) => {
      const match = task.status?.stages?.find(({ name }) => name === 'match');
      return task.status?.phase === 'Completed' && match?.readyWorkers === 2;
    });
    expect([first, second]).toContain(done.status!.owner);
    expect(done.status!.identities).toBeGreaterThan(1);
  });
});
