// What happens to a controller and its tasks over time: fail-over, restarts of both sides, and recordings that end.
import { request } from 'node:https';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Status } from '../../config/schema/status.ts';
import { clusterSink } from '../../functions/status/clusterSink.ts';
import type { ApiRequest } from '../../functions/status/podRequest.ts';
import type { Cluster } from '../support/cluster/cluster.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import { ControllerProcesses } from './controllerProcesses.ts';
import { conditionOf, createTask, eventually, install, readTask, startLive } from './liveController.ts';

jest.setTimeout(180_000);

const packed = (uri: string) =>
  `{packing: PerNode, cameras: [{id: a, node: edge-1, source: {uri: "${uri}"}}]}`;
const live = packed('rtsp://192.0.2.1/a');

onCluster('a controller over time', { controllers: true, kwokNodes: [{ name: 'edge-1' }] }, (cluster) => {
  let token: string;
  let processes: ControllerProcesses;
  beforeAll(async () => {
    token = await install(cluster());
    processes = new ControllerProcesses(cluster(), token);
  }, 120_000);
  afterAll(() => processes?.end());

  const editTask = (name: string, change: object) =>
    cluster().kubectl(['patch', 'mei', name, '--type=merge', '-p', JSON.stringify(change)]);
  const running = (name: string) =>
    eventually(
      () => readTask(cluster(), name),
      ({ status }) => status?.phase === 'Running',
    );

  test('of two only one works; the other goes on when it is killed, and when it is asked to end', async () => {
    const one = processes.start('one');
    await one.leading;
    const two = processes.start('two');
    await createTask(cluster(), 'first', live);
    await running('first');
    const holder = ['-n', 'multi-edge-inference', 'get', 'lease', 'multi-edge-inference-controller'];
    const jsonpath = ['-o', 'jsonpath={.spec.holderIdentity}'];
    expect(await cluster().kubectl([...holder, ...jsonpath])).toBe('one');
    one.child.kill('SIGKILL');
    await createTask(cluster(), 'second', live);
    await two.leading;
    await running('second');
    const three = processes.start('three');
    two.child.kill('SIGTERM');
    expect(await two.ended).toEqual([0, null]);
    await three.leading;
    await createTask(cluster(), 'third', live);
    await running('third');
    three.child.kill('SIGTERM');
    expect(await three.ended).toEqual([0, null]);
  });

  test('goes on after the API server was away, also with what was deleted and made meanwhile', async () => {
    const controller = await startLive(cluster(), token);
    try {
      await createTask(cluster(), 'patient', live);
      await running('patient');
      await cluster().stopApiServer();
      await eventually(
        async () => controller.isCurrent(),
        (isCurrent) => !isCurrent,
      );
      await cluster().startApiServer();
      await cluster().kubectl(['delete', 'service', 'patient-cloud']);
      await createTask(cluster(), 'newcomer', live);
      await running('newcomer');
      await eventually(
        () => cluster().kubectl(['get', 'service', 'patient-cloud', '--ignore-not-found', '-o', 'name']),
        (found) => found !== '',
      );
      await eventually(
        async () => controller.isCurrent(),
        (isCurrent) => isCurrent,
      );
    } finally {
      await controller.stop();
    }
  });

  test('a restart writes nothing when nothing changed, and mends what happened meanwhile', async () => {
    const before = await startLive(cluster(), token);
    await createTask(cluster(), 'kept', live);
    await running('kept');
    await eventually(
      async () => before.queueLength(),
      (length) => length === 0,
    );
    await before.stop();
    await cluster().kubectl(['delete', 'configmap', 'kept-cloud']);
    const after = await startLive(cluster(), token);
    try {
      await eventually(
        () => cluster().kubectl(['get', 'configmap', 'kept-cloud', '--ignore-not-found', '-o', 'name']),
        (found) => found !== '',
      );
      await eventually(
        async () => after.queueLength(),
        (length) => length === 0,
      );
      // It may not look whether the tokens of tasks are there: it offers them, and is refused where they are.
      const writes = after.writes().filter((write) => write !== 'POST /api/v1/namespaces/default/secrets');
      expect(writes).toEqual(['POST /api/v1/namespaces/default/configmaps']);
    } finally {
      await after.stop();
    }
  });

  test('workers report into the status beside the controller; a recording that ends completes the task', async () => {
    const controller = await startLive(cluster(), token);
    try {
      await createTask(cluster(), 'tape', packed('/var/lib/recordings/a.mp4'));
      const { metadata } = await running('tape');
      await createTask(cluster(), 'other', live);
      const account = (await cluster().kubectl(['create', 'token', 'tape-status'])).trim();
      const task = { name: 'tape', namespace: 'default', uid: metadata.uid! };
      const ask = asAccount(cluster(), account);
      await clusterSink({ task, request: ask }).write(reported('connected', 'Running', 0));
      const watched = await eventually(
        () => readTask(cluster(), 'tape'),
        (each) => conditionOf(each, 'SourcesConnected').startsWith('True'),
      );
      expect(watched.metadata.generation).toBe(1);
      expect(watched.status).toMatchObject({ phase: 'Running', camerasConnected: '1/1', identities: 7 });
      expect(watched.status?.stages?.length).toBe(5);
      await clusterSink({ task, request: ask }).write(reported('ended', 'Completed', 60));
      const done = await eventually(
        () => readTask(cluster(), 'tape'),
        ({ status }) => status?.phase === 'Completed',
      );
      expect(conditionOf(done, 'Completed')).toContain('True/AllDone');
      const replicas = ['get', 'deployments', '-l', 'multiedgeinference.sedna.io/name=tape'];
      await eventually(
        () => cluster().kubectl([...replicas, '-o', 'jsonpath={.items[*].spec.replicas}']),
        (found) => found === '1 0',
      );
      await editTask('tape', { spec: { suspend: true, retention: { results: '900d' } } });
      await eventually(
        () => readTask(cluster(), 'tape'),
        ({ status }) => status?.phase === 'Suspended',
      );
      await editTask('tape', { spec: { suspend: false } });
      await eventually(
        () => readTask(cluster(), 'tape'),
        (each) => each.status?.phase === 'Completed' && each.status.observedGeneration === 3,
      );
      expect(await cluster().kubectl([...replicas, '-o', 'jsonpath={.items[*].spec.replicas}'])).toBe('1 0');
      await clusterSink({ task, request: ask }).write(reported('connected', 'Running', 70));
      await editTask('tape', { spec: { stages: { detect: { params: { scoreThreshold: 0.7 } } } } });
      await eventually(
        () => readTask(cluster(), 'tape'),
        (each) => conditionOf(each, 'Completed').startsWith('False/InProgress'),
      );
      await eventually(
        () => cluster().kubectl([...replicas, '-o', 'jsonpath={.items[*].spec.replicas}']),
        (found) => found === '1 1',
      );
      const foreign = clusterSink({ task: { ...task, name: 'other', uid: '' }, request: ask });
      await expect(foreign.write(reported('ended', 'Completed', 60))).rejects.toThrow('403');
      const earlier = clusterSink({ task: { ...task, uid: 'of-a-deleted-task' }, request: ask });
      await expect(earlier.write(reported('connected', 'Running', 90))).rejects.toThrow('made anew');
    } finally {
      await controller.stop();
    }
  });
});

function reported(state: 'connected' | 'ended', phase: 'Running' | 'Completed', seconds: number): Status {
  const lastReportTime = new Date(Date.now() + seconds * 1000).toISOString();
  return {
    phase: 'Failed',
    stages: [],
    camerasConnected: '1/1',
    identities: 7,
    cameras: [{ id: 'a', state }],
    nodes: ['edge-1', 'cloud'].map((name) => ({ name, phase, lastReportTime })),
  };
}

/** As the pod of the status function asks, without its mounted account. */
function asAccount({ url, certificate }: Cluster, token: string): ApiRequest {
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/apply-patch+yaml' };
      const sent = request(`${url}${path}`, { method, ca: certificate, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.on('error', reject);
      sent.end(body && JSON.stringify(body));
    });
}
