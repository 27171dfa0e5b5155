// The controller on a real API server, with pods that KWOK plays: the state of the world, from whatever happened to it.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Task } from '../../config/schema/resource.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import type { FakeNode } from '../support/cluster/nodes.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import {
  conditionOf,
  createTask,
  eventually,
  install,
  readTask,
  startLive,
  taskPath,
  type LiveController,
} from './liveController.ts';

const cameras = (ids: string[], node = 'edge-1') =>
  `cameras: [${ids.map((id) => `{id: ${id}, node: ${node}, source: {uri: "rtsp://192.0.2.1/${id}"}}`).join(', ')}]`;
// Machines that test are busy: what takes a second elsewhere may take half a minute.
jest.setTimeout(150_000);

const packed = `{packing: PerNode, ${cameras(['a', 'b'])}}`;
/** Nobody plays the pods of `silent`; only what belongs to the edge gets there. */
const nodes: FakeNode[] = [
  { name: 'edge-1' },
  { name: 'cloud-1' },
  { name: 'silent', taints: [{ key: 'node-role.kubernetes.io/edge', effect: 'NoSchedule' }] },
];

onCluster('the controller', { controllers: true, kwokNodes: nodes }, (cluster) => {
  let token: string;
  let live: LiveController;
  beforeAll(async () => {
    token = await install(cluster());
    live = await startLive(cluster(), token, { resyncMs: 1000 });
  }, 120_000);
  afterAll(() => live?.stop());

  const isRunning = (task: Task) => task.status?.phase === 'Running';
  const task = (name: string, isWanted: (task: Task) => boolean) =>
    eventually(() => readTask(cluster(), name), isWanted);
  const names = async (what: string, name: string) => {
    const selector = `multiedgeinference.sedna.io/name=${name}`;
    const text = await cluster().kubectl(['get', what, '-l', selector, '-o', 'name']);
    return text.split('\n').filter(Boolean).sort();
  };

  test('a task gets its objects, its pods run on the nodes it names, and its status says so', async () => {
    await createTask(cluster(), 'gate', `{${cameras(['a', 'b'])}}`);
    const { status } = await task('gate', isRunning);
    expect(status?.observedGeneration).toBe(1);
    expect(status?.stages).toMatchObject(
      ['ingest', 'detect', 'embed', 'match', 'status'].map((name) => ({
        name,
        phase: 'Running',
        workers: 1,
        readyWorkers: 1,
      })),
    );
    const found = await task('gate', (each) => conditionOf(each, 'Ready').startsWith('True'));
    const conditions = found.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]);
    expect(conditions).toEqual([
      ['Ready', 'True', 'WorkersReady'],
      ['ModelsResolved', 'True', 'Resolved'],
      ['WorkersCreated', 'True', 'Created'],
      ['EdgesSynced', 'Unknown', 'NoLocalController'],
      ['SourcesConnected', 'Unknown', 'NoReports'],
      ['Degraded', 'False', 'AsExpected'],
      ['Completed', 'False', 'InProgress'],
    ]);
    const pods = await cluster().kubectl([
      'get',
      'pods',
      '-l',
      'multiedgeinference.sedna.io/worker=gate-ingest-edge-1',
      '-o',
      'jsonpath={.items[*].spec.nodeName} {.items[*].status.phase}',
    ]);
    expect(pods).toBe('edge-1 Running');
    const events = ['get', 'events', '--field-selector=involvedObject.name=gate', '-o', 'name'];
    // All went as it should: the conditions say so, and nobody need act.
    expect(await cluster().kubectl(events)).toBe('');
  });

  test('nothing is written when nothing changed, over several resyncs', async () => {
    await createTask(cluster(), 'calm', packed);
    await task('calm', isRunning);
    await eventually(
      async () => live.queueLength(),
      (length) => length === 0,
    );
    const writes = live.writes().length;
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect(live.writes().slice(writes)).toEqual([]);
  });

  test('what is deleted comes back, and what is changed by hand is set right', async () => {
    await createTask(cluster(), 'healed', packed);
    await task('healed', isRunning);
    const objects = 'deployments,services,configmaps,networkpolicies,serviceaccounts,roles,rolebindings';
    const before = await names(objects, 'healed');
    expect(before.length).toBe(10);
    const selector = 'multiedgeinference.sedna.io/name=healed';
    await cluster().kubectl(['delete', objects, '-l', selector, '--wait=false']);
    await eventually(
      () => names(objects, 'healed'),
      (found) => found.join() === before.join(),
    );
    await cluster().kubectl(['scale', 'deployment/healed-cloud', '--replicas=0']);
    await cluster().kubectl(['set', 'image', 'deployment/healed-cloud', 'worker=evil.example/worm']);
    await eventually(
      () =>
        cluster().kubectl([
          'get',
          'deployment/healed-cloud',
          '-o',
          'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}',
        ]),
      (found) => found === '1 registry.example/multi-edge-inference:0.1.0',
    );
    await task('healed', isRunning);
  });

  test('the account that tasks share comes back, whoever removed it, and outlives a task', async () => {
    await createTask(cluster(), 'first', packed);
    await task('first', isRunning);
    const account = ['serviceaccount', 'multi-edge-inference-stages'];
    await cluster().kubectl(['delete', ...account]);
    await eventually(() => cluster().kubectl(['get', ...account, '--ignore-not-found']), Boolean);
    await cluster().kubectl(['delete', 'mei', 'first', '--wait=true']);
    await createTask(cluster(), 'second', packed);
    await task('second', isRunning);
    const bindings = ['get', 'rolebindings,clusterrolebindings', '-A', '-o'];
    bindings.push('jsonpath={.items[*].subjects[*].name}');
    expect(await cluster().kubectl(bindings)).not.toContain('multi-edge-inference-stages');
  });

  test('what others add is left alone, without a quarrel', async () => {
    await createTask(cluster(), 'shared', packed);
    await task('shared', isRunning);
    await cluster().kubectl(['label', 'service/shared-cloud', 'team=green']);
    await cluster().kubectl(['set', 'env', 'deployment/shared-cloud', 'EXTRA=1']);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const writes = live.writes().length;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    // The pods that start anew are news for the status; the objects are none of it.
    const quarrels = live
      .writes()
      .slice(writes)
      .filter((write) => write.includes('/shared-'));
    expect(quarrels).toEqual([]);
    const label = ['get', 'service/shared-cloud', '-o', 'jsonpath={.metadata.labels.team}'];
    expect(await cluster().kubectl(label)).toBe('green');
  });

  test('an edit rolls out the workers that it concerns, and prunes those that are no longer wanted', async () => {
    await createTask(cluster(), 'edited', `{${cameras(['a', 'b'])}}`);
    await task('edited', isRunning);
    const generations = async () => {
      const text = await cluster().kubectl([
        'get',
        'deployments',
        '-l',
        'multiedgeinference.sedna.io/name=edited',
        '-o',
        'jsonpath={range .items[*]}{.metadata.name}={.metadata.generation}{"\\n"}{end}',
      ]);
      return text.split('\n').filter(Boolean).sort();
    };
    const edits = ['matching: {threshold: 0.6}', 'stages: {match: {resources: {limits: {memory: 3Gi}}}}'];
    await createTask(cluster(), 'edited', `{${edits[0]}, ${cameras(['a', 'b'])}}`);
    await task('edited', (each) => each.status?.observedGeneration === 2 && isRunning(each));
    expect(await generations()).not.toContain('edited-match=2');
    await createTask(cluster(), 'edited', `{${edits[1]}, ${cameras(['a', 'b'])}}`);
    await task('edited', (each) => each.status?.observedGeneration === 3 && isRunning(each));
    expect(await generations()).toEqual([
      'edited-detect-edge-1=1',
      'edited-embed-edge-1=1',
      'edited-ingest-edge-1=1',
      'edited-match=2',
      'edited-status=1',
    ]);
    await createTask(cluster(), 'edited', `{packing: PerNode, ${cameras(['a'])}}`);
    await eventually(
      () => names('deployments', 'edited'),
      (found) => found.join() === 'deployment.apps/edited-cloud,deployment.apps/edited-edge-edge-1',
    );
    expect(await names('configmaps', 'edited')).toEqual([
      'configmap/edited-cloud',
      'configmap/edited-edge-edge-1',
    ]);
  });

  test('what an edit takes away is gone, also from objects that were made and never changed since', async () => {
    const spec = (secret: string) =>
      `{packing: PerNode, cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"${secret}}}]}`;
    await createTask(cluster(), 'bared', spec(', secretRef: {name: door}'));
    await task('bared', isRunning);
    const variables = ['get', 'deployment/bared-edge-edge-1', '-o'];
    variables.push('jsonpath={.spec.template.spec.containers[0].env[*].name}');
    expect(await cluster().kubectl(variables)).toContain('CAMERA_A_PASSWORD');
    await createTask(cluster(), 'bared', spec(''));
    await task('bared', (each) => each.status?.observedGeneration === 2 && isRunning(each));
    expect(await cluster().kubectl(variables)).not.toContain('CAMERA_A_PASSWORD');
    const managers = ['get', 'deployment/bared-edge-edge-1', '--show-managed-fields', '-o'];
    managers.push('jsonpath={range .metadata.managedFields[*]}{.manager} {.operation}{"\\n"}{end}');
    expect(await cluster().kubectl(managers)).toContain('multi-edge-inference-controller Apply');
    expect(await cluster().kubectl(managers)).not.toContain('multi-edge-inference-controller Update');
  });

  test('suspend stops all pods and keeps everything else', async () => {
    await createTask(cluster(), 'paused', packed);
    await task('paused', isRunning);
    const suspend = async (isSuspended: boolean) => {
      const body = { spec: { suspend: isSuspended } };
      await cluster().request('PATCH', taskPath('paused'), body, {
        contentType: 'application/merge-patch+json',
      });
    };
    await suspend(true);
    await eventually(
      () => names('pods', 'paused'),
      (found) => found.length === 0,
    );
    const stopped = await task('paused', ({ status }) => status?.phase === 'Suspended');
    expect(conditionOf(stopped, 'Ready')).toContain('False/Suspended');
    expect((await names('deployments,services', 'paused')).length).toBe(3);
    await suspend(false);
    await task('paused', isRunning);
  });

  test('a model that nobody knows is a condition with the way out, and is mended by an edit', async () => {
    await createTask(
      cluster(),
      'unknown',
      `{stages: {detect: {modelRef: {name: rtmdet-nano}}}, ${cameras(['a'])}}`,
    );
    const failed = await task('unknown', ({ status }) => status?.phase === 'Failed');
    expect(conditionOf(failed, 'ModelsResolved')).toMatch(
      /^False\/ModelNotFound: model rtmdet-nano is not in the/,
    );
    expect(await names('deployments', 'unknown')).toEqual([]);
    await createTask(cluster(), 'unknown', packed);
    await task('unknown', isRunning);
  });

  test('a file outside the open folders is refused in words', async () => {
    await createTask(cluster(), 'curious', '{cameras: [{id: a, node: edge-1, source: {uri: /etc/shadow}}]}');
    const failed = await task('curious', ({ status }) => status?.phase === 'Failed');
    expect(conditionOf(failed, 'WorkersCreated')).toContain('camera a: this installation opens only');
    expect(await names('deployments', 'curious')).toEqual([]);
  });

  test('an object of somebody else is not taken over', async () => {
    const { kubectl } = cluster();
    await kubectl(['create', 'service', 'clusterip', 'polite-cloud', '--tcp=80:80']);
    await createTask(cluster(), 'polite', packed);
    const failed = await task('polite', ({ status }) => status?.phase === 'Failed');
    expect(conditionOf(failed, 'WorkersCreated')).toContain(
      'Service polite-cloud exists and is not of this task',
    );
    expect(await kubectl(['get', 'service/polite-cloud', '-o', 'jsonpath={.spec.ports[0].port}'])).toBe('80');
    await kubectl(['delete', 'service', 'polite-cloud']);
    await eventually(() => readTask(cluster(), 'polite'), isRunning);
  });

  test.each<[string, string, object]>([
    ['ConfigMap', 'configmap', { data: { 'my-key': 'mine' } }],
    ['ServiceAccount', 'serviceaccount', {}],
  ])('a %s of somebody else is given back as it was', async (kind, resource, content) => {
    const { kubectl } = cluster();
    const guest = `guest-of-${resource}`;
    const name = kind === 'ConfigMap' ? `${guest}-cloud` : `${guest}-status`;
    const own = { apiVersion: 'v1', kind, metadata: { name, namespace: 'default' }, ...content };
    await kubectl(['create', '-f', '-'], JSON.stringify(own));
    // Times of the server are whole seconds: the task must be younger than what was there.
    await eventually(
      () => kubectl(['get', resource, name, '-o', 'jsonpath={.metadata.creationTimestamp}']),
      (born) => Date.parse(born) + 1000 < Date.now(),
    );
    await createTask(cluster(), guest, packed);
    const failed = await task(guest, ({ status }) => status?.phase === 'Failed');
    expect(conditionOf(failed, 'WorkersCreated')).toContain(`${kind} ${name} exists and is not of this task`);
    const { metadata, ...rest } = JSON.parse(
      await kubectl(['get', resource, name, '-o', 'json']),
    ) as Manifest;
    expect(rest).toEqual({ apiVersion: 'v1', kind, ...content });
    expect([metadata.labels, metadata.ownerReferences]).toEqual([undefined, undefined]);
    await kubectl(['delete', resource, name]);
    await eventually(() => readTask(cluster(), guest), isRunning);
    await kubectl(['delete', 'mei', guest, '--wait=true']);
  });

  test('a node that is not there is named, and the task runs once it is', async () => {
    await createTask(cluster(), 'early', `{packing: PerNode, ${cameras(['a'], 'edge-9')}}`);
    const waiting = await task('early', (each) => conditionOf(each, 'Degraded').includes('Unschedulable'));
    expect(conditionOf(waiting, 'Ready')).toContain('worker early-edge-edge-9: node edge-9 does not take it');
    const events = ['get', 'events', '--field-selector=involvedObject.name=early,type=Warning', '-o', 'name'];
    expect(await cluster().kubectl(events)).not.toBe('');
    await cluster().request('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'edge-9', annotations: { 'kwok.x-k8s.io/node': 'fake' } },
    });
    await task('early', isRunning);
  });

  /** The pod of a new task that nobody plays, and a way to write its status as a kubelet would. */
  async function silentPod(name: string) {
    await createTask(cluster(), name, `{packing: PerNode, ${cameras(['a'], 'silent')}}`);
    return newSilentPod(name, []);
  }

  async function newSilentPod(task: string, known: string[]) {
    const path = '/api/v1/namespaces/default/pods';
    const selector = `labelSelector=multiedgeinference.sedna.io/worker=${task}-edge-silent`;
    const pod = await eventually(
      async () => {
        const { body } = await cluster().request('GET', `${path}?${selector}`);
        return (body as { items: Manifest[] }).items.find(({ metadata }) => !known.includes(metadata.name));
      },
      (found) => found !== undefined,
    );
    const { name, uid } = pod!.metadata;
    const write = async (status: object) => {
      const contentType = 'application/merge-patch+json';
      const answer = await cluster().request('PATCH', `${path}/${name}/status`, { status }, { contentType });
      expect(answer.status).toBe(200);
    };
    return { name, uid: uid!, write };
  }

  test('a Secret or ConfigMap that a volume needs and that is not there is named', async () => {
    const { name, uid, write } = await silentPod('volume');
    await cluster().request('POST', '/api/v1/namespaces/default/events', {
      metadata: { generateName: `${name}.`, namespace: 'default' },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace: 'default', uid },
      type: 'Warning',
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "targets" : configmap "pictures" not found',
      lastTimestamp: new Date().toISOString().replace(/\.\d+/, ''),
    });
    const waiting = { reason: 'ContainerCreating' };
    const container = { name: 'worker', image: 'i', imageID: '', ready: false, restartCount: 0 };
    await write({
      conditions: [{ type: 'PodReadyToStartContainers', status: 'False' }],
      containerStatuses: [{ ...container, state: { waiting } }],
    });
    await task('volume', (each) => conditionOf(each, 'Ready').includes('prepares its volumes and network'));
    const found = await task('volume', (each) =>
      conditionOf(each, 'Degraded').startsWith('True/FailedMount'),
    );
    expect(conditionOf(found, 'Ready')).toBe(
      'False/FailedMount: worker volume-edge-silent: it cannot be started: configmap "pictures" not found',
    );
  });

  test('an evicted pod reaches the condition, and is no trouble any more once another one runs', async () => {
    const evicted = await silentPod('crowded');
    await evicted.write({
      phase: 'Failed',
      reason: 'Evicted',
      message: 'The node was low on resource: memory.',
    });
    const found = await task('crowded', (each) => conditionOf(each, 'Degraded').startsWith('True/Evicted'));
    expect(conditionOf(found, 'Degraded')).toContain(
      'worker crowded-edge-silent: its node evicted it: The node was low on resource: memory.',
    );
    const next = await newSilentPod('crowded', [evicted.name]);
    await next.write({
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }],
    });
    await task('crowded', (each) => isRunning(each) && conditionOf(each, 'Degraded').startsWith('False'));
    expect(await names('pods', 'crowded')).toContain(`pod/${evicted.name}`);
  });

  test.each([
    [
      'ImagePullBackOff',
      { waiting: { reason: 'ImagePullBackOff', message: 'no such tag' } },
      'cannot be pulled: no such tag',
    ],
    [
      'CrashLoopBackOff',
      { waiting: { reason: 'CrashLoopBackOff' } },
      'it ended by itself (restarted 3 times): camera a has no address',
    ],
    [
      'CreateContainerConfigError',
      { waiting: { reason: 'CreateContainerConfigError', message: 'secret "door" not found' } },
      'it cannot be started: secret "door" not found',
    ],
    [
      'OOMKilled',
      { terminated: { reason: 'OOMKilled', exitCode: 137 } },
      'raise spec.stages.ingest.resources.limits.memory',
    ],
  ])('%s of a pod reaches the condition in words', async (reason, state, words) => {
    const name = reason.toLowerCase();
    const { write } = await silentPod(name);
    const lastState = {
      terminated: {
        exitCode: 1,
        message: '{"level":50,"msg":"failed","reason":"camera a has no address"}\n',
      },
    };
    const container = {
      name: 'worker',
      image: 'i',
      imageID: '',
      ready: false,
      restartCount: 3,
      state,
      lastState,
    };
    await write({ containerStatuses: [container] });
    const found = await task(name, (each) => conditionOf(each, 'Degraded').startsWith(`True/${reason}`));
    expect(conditionOf(found, 'Ready')).toContain(`worker ${name}-edge-silent`);
    expect(conditionOf(found, 'Ready')).toContain(words);
    expect(found.status?.stages?.find((stage) => stage.name === 'detect')).toMatchObject({ phase: 'Failed' });
  });

  test('a deleted task leaves nothing, and one of the same name starts clean at once', async () => {
    await createTask(cluster(), 'twice', packed);
    const first = await task('twice', isRunning);
    await cluster().kubectl(['delete', 'mei', 'twice', '--wait=true']);
    await createTask(cluster(), 'twice', packed);
    const second = await task('twice', isRunning);
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    await cluster().kubectl(['delete', 'mei', 'twice']);
    const objects = 'deployments,pods,services,configmaps,networkpolicies,serviceaccounts,roles,rolebindings';
    await eventually(
      () => names(objects, 'twice'),
      (found) => found.length === 0,
    );
  });
});
