// The install and the sample task in real containers on two nodes: from kubectl apply to people in the status, and what goes wrong.
import { beforeAll, expect, jest, test } from '@jest/globals';
import { onRealNodes } from '../support/cluster/realNodes/onRealNodes.ts';
import { processesOf } from '../support/cluster/realNodes/podMemory.ts';
import { conditionOf, eventually } from './liveController.ts';
import {
  applySample,
  giveRecordings,
  installOnNodes,
  little,
  littleForAll,
  memoryOf,
  podOf,
  podsOf,
  removeTask,
  taskUntil,
  workerOf,
} from './realTasks.ts';

jest.setTimeout(300_000);

const nodes = [
  { name: 'edge-1', isEdge: true },
  // Gets no image, and no registry can be reached from it.
  { name: 'edge-2', isEdge: true },
  { name: 'cloud-1', isEdge: false },
];

const ownModel = {
  name: 'own',
  uri: '/app/models/mb3-centernet-person-512.fp16w.u8.onnx',
  sha256: '0'.repeat(64),
  input: { width: 512, height: 512 },
};

/** The sample's topology names two. */
function oneCamera(source: object) {
  return { topology: {}, cameras: [{ id: 'left', node: 'edge-1', source }] };
}

/** `memory` for each stage of the edge. */
function limitedTo(memory: string) {
  const stage = { resources: { ...little, limits: { memory } } };
  return { ...littleForAll, ingest: stage, detect: stage, embed: stage };
}

onRealNodes('a task in real pods', nodes, (cluster) => {
  beforeAll(async () => {
    await installOnNodes(cluster(), ['edge-1', 'cloud-1']);
    giveRecordings(cluster(), 'edge-1');
  }, 600_000);

  const identities = new Map<string, number>();
  test.each([
    [
      'PerStage',
      'stage',
      ['stage-detect-edge-1', 'stage-embed-edge-1', 'stage-ingest-edge-1'],
      ['stage-match', 'stage-status'],
    ],
    ['PerNode', 'node', ['node-edge-edge-1'], ['node-cloud']],
  ])('packed %s it finds people and completes', async (packing, name, edge, cloud) => {
    const startedMs = performance.now();
    const since = () => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
    await applySample(cluster(), name, { packing });
    await taskUntil(cluster(), name, ({ status }) => status?.phase === 'Running');
    const running = since();
    await taskUntil(cluster(), name, ({ status }) => (status?.identities ?? 0) > 0);
    const first = since();
    const pods = await podsOf(cluster(), name);
    const on = (node: string) =>
      pods
        .filter(({ spec }) => spec.nodeName === node)
        .map(workerOf)
        .sort();
    expect([on('edge-1'), on('cloud-1')]).toEqual([edge, cloud]);
    const selector = ['-l', 'app.kubernetes.io/part-of=multi-edge-inference'];
    const story = await cluster().kubectl(['logs', ...selector, '--prefix', '--max-log-requests=20']);
    for (const pod of pods)
      expect(story).toMatch(new RegExp(`^\\[pod/${pod.metadata.name}/worker\\] .*"listening"`, 'm'));
    let memory = new Map<string, number>();
    const { status } = await taskUntil(cluster(), name, (task) => {
      memory = memoryOf(cluster(), pods, memory);
      const isStopped = task.status?.stages?.some(({ phase }) => phase === 'Completed') === true;
      return task.status?.phase === 'Completed' && isStopped;
    });
    const peaks = [...memory].map(([worker, megabytes]) => `${worker} ${megabytes} MiB`);
    process.stderr.write(
      `${packing}: running after ${running}, people after ${first}, done after ${since()}; ${peaks.join(', ')}\n`,
    );
    const ended = (id: string) =>
      expect.objectContaining({ id, node: 'edge-1', state: 'ended', progress: 1 });
    expect(status).toMatchObject({
      cameras: [ended('left'), ended('right')],
      nodes: [
        { name: 'cloud', phase: 'Completed' },
        { name: 'edge-1', phase: 'Completed' },
      ],
      output: { taskInfo: { trackingObjectNumber: status!.identities, findUnknownObject: false } },
      stages: expect.arrayContaining([expect.objectContaining({ name: 'detect', phase: 'Completed' })]),
    });
    expect(status!.output!.taskInfo!.startTime).toMatch(/^2026-01-01T12:00:0/);
    expect(await cluster().kubectl(['get', 'mei', name])).toMatch(/Completed/);
    identities.set(packing, status!.identities!);
    await removeTask(cluster(), name);
  });

  test('both ways of packing find the same number of people', () => {
    expect(identities.get('PerNode')).toBeGreaterThan(1);
    expect(identities.get('PerNode')).toBe(identities.get('PerStage'));
  });

  test('a killed process and a deleted pod come back, and the task completes', async () => {
    await applySample(cluster(), 'back', { packing: 'PerNode' });
    const isRunning = () => taskUntil(cluster(), 'back', ({ status }) => status?.phase === 'Running');
    await isRunning();
    const edge = (await podOf(cluster(), 'back', 'back-edge-edge-1'))!;
    const [pid] = processesOf(cluster().cgroup, edge.metadata.uid);
    process.kill(pid!, 'SIGKILL');
    const killed = await taskUntil(cluster(), 'back', (task) =>
      conditionOf(task, 'Degraded').startsWith('True'),
    );
    expect(conditionOf(killed, 'Degraded')).toContain('worker back-edge-edge-1: it ended by itself');
    await isRunning();
    const again = (await podOf(cluster(), 'back', 'back-edge-edge-1'))!;
    expect(again.metadata.uid).toBe(edge.metadata.uid);
    expect(again.status.containerStatuses?.[0]?.restartCount).toBe(1);
    const cloud = (await podOf(cluster(), 'back', 'back-cloud'))!;
    await cluster().kubectl(['delete', 'pod', cloud.metadata.name]);
    const next = await eventually(
      () => podOf(cluster(), 'back', 'back-cloud'),
      (pod) => pod?.status.containerStatuses?.[0]?.ready === true,
    );
    expect(next!.metadata.uid).not.toBe(cloud.metadata.uid);
    const done = await taskUntil(cluster(), 'back', ({ status }) => status?.phase === 'Completed');
    expect(done.status?.identities).toBeGreaterThan(0);
    await removeTask(cluster(), 'back');
  });

  test.each<[title: string, change: object, node: string, reason: string, words: RegExp]>([
    [
      'an image that is not there',
      {},
      'edge-2',
      'ImagePullBackOff',
      /^worker wrong-edge-edge-2: image ghcr\.io\/multi-edge-inference\/functions:0\.1\.0 cannot be pulled: ./,
    ],
    [
      'a model with another digest',
      { stages: { ...littleForAll, detect: { modelRef: ownModel, resources: little } } },
      'edge-1',
      'CrashLoopBackOff',
      /it ended by itself \(restarted .*: .* has the digest 20325b\w+, not 0000\w+: it is not used$/,
    ],
    [
      'too little memory',
      { stages: limitedTo('20Mi') },
      'edge-1',
      'OOMKilled',
      /needed more memory than its limit: raise spec\.stages\.ingest\.resources\.limits\.memory$/,
    ],
    [
      'more cores than any node has',
      { stages: { detect: { resources: { requests: { cpu: '64' }, limits: { cpu: '64' } } } } },
      'edge-1',
      'Unschedulable',
      /node edge-1 does not take it: 0\/3 nodes are available: .*Insufficient cpu[^.]*$/,
    ],
    [
      'a node that is not there',
      {},
      'edge-9',
      'Unschedulable',
      /node edge-9 does not take it: .*\(is there a node edge-9, with the labels that the task asks for\?\)$/,
    ],
    [
      'a login that is not there',
      oneCamera({ uri: 'rtsp://192.0.2.1/stream', secretRef: { name: 'absent' } }),
      'edge-1',
      'CreateContainerConfigError',
      /it cannot be started: secret "absent" not found$/,
    ],
    [
      'a picture that is not there',
      { targets: [{ name: 'child', images: [{ secretKeyRef: { name: 'absent', key: 'front.jpg' } }] }] },
      'edge-1',
      'WorkerComplains',
      /^worker wrong-cloud: target child, picture 1: .* is not there: check the name and key of its Secret or ConfigMap/,
    ],
    [
      'a recording that is not there',
      oneCamera({ uri: '/var/lib/recordings/none.mp4' }),
      'edge-1',
      'CamerasAway',
      /camera left failed: .*none\.mp4/,
    ],
  ])('%s reaches the condition in words', async (_title, change, node, reason, words) => {
    await applySample(cluster(), 'wrong', { packing: 'PerNode', ...change }, node);
    const task = await taskUntil(cluster(), 'wrong', (each) =>
      conditionOf(each, 'Degraded').startsWith(`True/${reason}: `),
    );
    expect(conditionOf(task, 'Degraded').slice(`True/${reason}: `.length)).toMatch(words);
    expect(['Degraded', 'Failed']).toContain(task.status?.phase);
    await removeTask(cluster(), 'wrong');
  });
});
