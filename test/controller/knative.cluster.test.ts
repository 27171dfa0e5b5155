// Tasks that ask for Knative on a real API server: before it is installed, while it is, and with it. No Knative runs here: the
// definitions are its own, and the tests report in its place.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Task } from '../../config/schema/resource.ts';
import { desired } from '../../controller/desired.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { resourceOf } from '../../controller/resources.ts';
import { knativeDefinitions } from '../support/cluster/knative.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import {
  conditionOf,
  createTask,
  eventually,
  install,
  readTask,
  startLive,
  type LiveController,
} from './liveController.ts';
import { installation, sampleTask, surroundings, taskOf } from './sampleTasks.ts';

jest.setTimeout(240_000);

const cameras = 'cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]';
const packed = `packing: PerNode, ${cameras}`;
const services = '/apis/serving.knative.dev/v1/namespaces/default/services';
const triggers = '/apis/eventing.knative.dev/v1/namespaces/default/triggers';
const brokers = '/apis/eventing.knative.dev/v1/namespaces/default/brokers';
const brokerUrl = 'http://broker-ingress.knative-eventing.svc.cluster.local/default/default';

onCluster('Knative', { controllers: true, kwokNodes: [{ name: 'edge-1' }] }, (cluster) => {
  let token: string;
  let controller: LiveController;
  beforeAll(async () => {
    token = await install(cluster());
    controller = await startLive(cluster(), token, { knativeCheckMs: 200 });
  });
  afterAll(() => controller?.stop());

  const created = (name: string, wanted: RegExp) =>
    eventually(
      () => readTask(cluster(), name),
      (task) => wanted.test(conditionOf(task, 'WorkersCreated')),
    );
  const objectsOf = async (name: string, kinds = 'all,configmaps,serviceaccounts,networkpolicies,roles') =>
    (await cluster().kubectl(['get', kinds, '-o', 'name', '-l', `multiedgeinference.sedna.io/name=${name}`]))
      .split('\n')
      .filter(Boolean);
  const read = async (path: string) => (await cluster().request('GET', path)).body as Manifest;
  const names = async (path: string, task: string) => {
    const { items } = (await read(path)) as unknown as { items: Manifest[] };
    const own = items.filter(({ metadata }) => metadata.name.startsWith(`${task}-`));
    return own.map(({ metadata }) => metadata.name).sort();
  };
  const edit = (name: string, change: object) =>
    cluster().kubectl(['patch', 'mei', name, '--type=merge', '-p', JSON.stringify(change)]);
  const report = async (path: string, status: object) => {
    const answer = await cluster().request(
      'PATCH',
      `${path}/status`,
      { status },
      {
        contentType: 'application/merge-patch+json',
      },
    );
    expect([path, answer.status]).toEqual([path, 200]);
  };

  test('without Knative a task that asks for it says so, and nothing of it is made', async () => {
    await createTask(cluster(), 'early', `{runtime: Knative, ${packed}}`);
    await createTask(cluster(), 'courier', `{delivery: {type: Broker}, ${packed}}`);
    const early = await created(
      'early',
      /^False\/KnativeNotInstalled: .*Knative Serving.*remove spec.runtime$/,
    );
    await created('courier', /^False\/KnativeNotInstalled: .*Knative Eventing.*remove spec.delivery.type/);
    expect(early.status?.phase).toBe('Pending');
    expect(conditionOf(early, 'Ready')).toContain('False/KnativeNotInstalled');
    expect([...(await objectsOf('early')), ...(await objectsOf('courier'))]).toEqual([]);
  });

  test('installed later it is found without a restart, and missing rights are named', async () => {
    const { kubectl } = cluster();
    await kubectl(['create', 'namespace', 'knative-serving']);
    await kubectl(['apply', '--server-side', '-f', '-'], await knativeDefinitions());
    await created('early', /^False\/KnativeForbidden: .*install it with the overlay knative/);
    await created('courier', /^False\/KnativeForbidden: .*Brokers and Triggers/);
    expect(await objectsOf('early')).toEqual([]);
    await kubectl(['apply', '--server-side', '-f', 'config/overlays/knative/controller-role.yaml']);
    await created('early', /^True\/Created/);
    await created('courier', /^False\/BrokerNotFound: there is no Broker default in namespace default/);
    expect(await names(services, 'early')).toEqual(['early-cloud-kn']);
    expect(await objectsOf('early', 'deployments')).toEqual(['deployment.apps/early-edge-edge-1']);
  });

  test('a Broker is waited for, and its address goes to the senders', async () => {
    await cluster().request('POST', brokers, {
      apiVersion: 'eventing.knative.dev/v1',
      kind: 'Broker',
      metadata: { name: 'default' },
    });
    await created('courier', /^False\/BrokerNotReady: Broker default has no address yet$/);
    const notReady = { type: 'Ready', status: 'False', reason: 'NoChannel', message: 'there is no channel' };
    await report(`${brokers}/default`, { conditions: [notReady] });
    await created('courier', /^False\/BrokerNotReady: .*: there is no channel$/);
    await report(`${brokers}/default`, {
      conditions: [{ type: 'Ready', status: 'True' }],
      address: { url: brokerUrl },
    });
    await created('courier', /^True\/Created/);
    expect(await names(triggers, 'courier')).toEqual([
      'courier-cloud-report-default',
      'courier-cloud-stream-default',
      'courier-cloud-tracklets-default',
    ]);
    const text = await cluster().kubectl([
      'get',
      'configmap',
      'courier-edge-edge-1',
      '-o',
      'jsonpath={.data}',
    ]);
    expect(text).toContain(brokerUrl);
    expect(text).not.toContain('courier-cloud.default.svc');
  });

  test('what Knative reports about a Service becomes the status of the task', async () => {
    const ready = async (status: string, more: object = {}) => {
      const { metadata } = await read(`${services}/early-cloud-kn`);
      await report(`${services}/early-cloud-kn`, {
        observedGeneration: metadata.generation,
        latestCreatedRevisionName: 'early-cloud-kn-00001',
        conditions: [{ type: 'Ready', status, ...more }],
      });
    };
    await ready('False', { reason: 'RevisionFailed', message: 'the image cannot be resolved' });
    const failed = await eventually(
      () => readTask(cluster(), 'early'),
      (task) => conditionOf(task, 'Degraded').startsWith('True/RevisionFailed'),
    );
    expect(conditionOf(failed, 'Degraded')).toContain(
      'worker early-cloud: its Knative Service is not ready: the image cannot be resolved',
    );
    expect(stageOf(failed, 'match')).toMatchObject({ phase: 'Failed', workers: 1, readyWorkers: 0 });
    await ready('Unknown');
    const { metadata, spec } = template(await read(`${services}/early-cloud-kn`));
    const made = await cluster().request('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'early-cloud-kn-00001-deployment-x',
        labels: { ...metadata.labels, 'serving.knative.dev/revision': 'early-cloud-kn-00001' },
      },
      spec: {
        nodeName: 'edge-1',
        serviceAccountName: spec['serviceAccountName'],
        containers: [
          { name: 'queue-proxy', image: 'registry.example/queue-proxy' },
          { name: 'worker', image: 'registry.example/worker' },
        ],
      },
    });
    expect(made.status).toBe(201);
    await ready('True');
    const running = await eventually(
      () => readTask(cluster(), 'early'),
      ({ status }) => status?.phase === 'Running',
    );
    expect(stageOf(running, 'match')).toMatchObject({ phase: 'Running', workers: 1, readyWorkers: 1 });
  });

  test('a Trigger that brings nothing is trouble of its worker', async () => {
    const path = `${triggers}/courier-cloud-tracklets-default`;
    const { metadata } = await read(path);
    await report(path, {
      observedGeneration: metadata.generation,
      conditions: [{ type: 'Ready', status: 'False', reason: 'Unresolved', message: 'no such host' }],
    });
    await eventually(
      () => readTask(cluster(), 'courier'),
      (task) =>
        conditionOf(task, 'Degraded').includes(
          'Trigger courier-cloud-tracklets-default brings it no events: no such host',
        ),
    );
  });

  test('switches of Knative that are off are named with the way to put them on', async () => {
    const stages =
      'stages: {match: {nodeSelector: {zone: north}, tolerations: [{key: gpu, operator: Exists}]}}';
    await createTask(cluster(), 'choosy', `{runtime: Knative, ${stages}, ${packed}}`);
    const choosy = await created('choosy', /^False\/KnativeFeatureDisabled/);
    const words = conditionOf(choosy, 'WorkersCreated');
    expect(words).toContain('kubernetes.podspec-nodeselector, kubernetes.podspec-tolerations is not enabled');
    expect(await objectsOf('choosy')).toEqual([]);
    const command = /kubectl (patch configmap .*) -p '(.*)'$/.exec(words)!;
    await cluster().kubectl(
      ['apply', '-f', '-'],
      '{apiVersion: v1, kind: ConfigMap, metadata: {name: config-features, namespace: knative-serving}}',
    );
    await cluster().kubectl([...command[1]!.split(' '), '-p', command[2]!]);
    await created('choosy', /^True\/Created/);
    const { spec } = template(await read(`${services}/choosy-cloud-kn`));
    expect(spec).toMatchObject({ nodeSelector: { zone: 'north' }, tolerations: [{ key: 'gpu' }] });
  });

  test('from Deployment to Knative, with and without a Broker, and back: nothing is left of what was', async () => {
    const made = () =>
      Promise.all([
        objectsOf('nomad', 'deployments,services'),
        names(services, 'nomad'),
        names(triggers, 'nomad'),
      ]);
    const asDeployments = [
      ['deployment.apps/nomad-cloud', 'deployment.apps/nomad-edge-edge-1', 'service/nomad-cloud'],
      [],
      [],
    ];
    const settle = (wanted: string[][]) =>
      eventually(made, (found) => JSON.stringify(found) === JSON.stringify(wanted));
    const withBroker = [
      'nomad-cloud-report-default',
      'nomad-cloud-stream-default',
      'nomad-cloud-tracklets-default',
    ];
    await createTask(cluster(), 'nomad', `{${packed}}`);
    await settle(asDeployments);
    await edit('nomad', { spec: { runtime: 'Knative' } });
    await settle([['deployment.apps/nomad-edge-edge-1'], ['nomad-cloud-kn'], []]);
    await edit('nomad', { spec: { delivery: { type: 'Broker' } } });
    await settle([['deployment.apps/nomad-edge-edge-1'], ['nomad-cloud-kn'], withBroker]);
    await edit('nomad', { spec: { suspend: true } });
    await settle([['deployment.apps/nomad-edge-edge-1'], [], []]);
    await edit('nomad', { spec: { suspend: false } });
    await settle([['deployment.apps/nomad-edge-edge-1'], ['nomad-cloud-kn'], withBroker]);
    await edit('nomad', { spec: { runtime: 'Deployment' } });
    await settle([asDeployments[0]!, [], withBroker]);
    await edit('nomad', { spec: { delivery: { type: 'HTTP' } } });
    await settle(asDeployments);
  });

  test('nothing is written while nothing changes, and a deleted Service comes back', async () => {
    await createTask(cluster(), 'still', `{runtime: Knative, delivery: {type: Broker}, ${packed}}`);
    await created('still', /^True\/Created/);
    await cluster().request('DELETE', `${services}/still-cloud-kn`);
    await eventually(
      () => names(services, 'still'),
      (found) => found.length === 1,
    );
    await eventually(
      async () => controller.queueLength(),
      (length) => length === 0,
    );
    const writes = controller.writes().length;
    const { metadata } = await read(`${services}/still-cloud-kn`);
    await report(`${services}/still-cloud-kn`, { observedGeneration: metadata.generation });
    await cluster().kubectl(['label', 'mei', 'still', 'seen=yes']);
    await eventually(
      async () => controller.queueLength(),
      (length) => length === 0,
    );
    expect(controller.writes().slice(writes)).toEqual([]);
  });

  test('a deleted task leaves nothing', async () => {
    await cluster().kubectl(['delete', 'mei', 'still', 'nomad', 'courier']);
    await eventually(
      async () => [
        ...(await objectsOf('nomad')),
        ...(await objectsOf('still')),
        ...(await names(services, 'still')),
        ...(await names(triggers, 'still')),
        ...(await names(triggers, 'courier')),
      ],
      (found) => found.length === 0,
    );
  });

  const variants: [string, Task][] = [
    ['sample knative', sampleTask('knative')],
    ['sample rtsp on Knative', asked(sampleTask('rtsp'))],
    ['sample targets on Knative', asked(sampleTask('targets'))],
    [
      'embed in the cloud',
      asked(taskOf(`{privacy: {egress: CropsAllowed}, stages: {embed: {placement: Cloud}}, ${cameras}}`)),
    ],
    ['packed', asked(taskOf(`{${packed}}`))],
  ];

  test.each(variants)('%s: the objects are taken strictly by the real definitions', async (_name, task) => {
    const plan = { ...desired(task, surroundings), brokerUrl };
    const { functions } = surroundings;
    const objects = manifestsOf(task, plan, { functions, installation, stopped: new Set() }).filter(
      ({ apiVersion }) => apiVersion.includes('knative.dev'),
    );
    expect(objects.length).toBeGreaterThan(3);
    for (const object of objects) {
      const path = `/apis/${object.apiVersion}/namespaces/default/${resourceOf(object).plural}/${object.metadata.name}`;
      const query = 'dryRun=All&fieldValidation=Strict&fieldManager=test';
      const { status, body, warnings } = await cluster().request('PATCH', `${path}?${query}`, object, {
        contentType: 'application/apply-patch+yaml',
        token,
      });
      expect([object.metadata.name, status, (body as { message?: string }).message, warnings]).toEqual([
        object.metadata.name,
        201,
        undefined,
        [],
      ]);
    }
  });

  test('the steps of docs/knative.md lead to a task that runs', async () => {
    const page = readFileSync('docs/knative.md', 'utf8').split('\n');
    const commands = page.filter((line) => line.startsWith('kubectl apply -f '));
    expect(commands.length).toBe(2);
    for (const command of commands) {
      const [, file, text] = /^kubectl apply -f (\S+)(?: <<< '(.*)')?$/.exec(command)!;
      await cluster().kubectl(['apply', '-f', file!], text);
    }
    await created('arcade', /^False\/BrokerNotReady: Broker cameras has no address yet$/);
    await report(`${brokers}/cameras`, { address: { url: brokerUrl } });
    await created('arcade', /^True\/Created/);
    expect(await names(services, 'arcade')).toEqual(['arcade-match-kn', 'arcade-status-kn']);
    expect((await names(triggers, 'arcade')).length).toBe(4);
  });
});

function asked(task: Task): Task {
  return {
    ...task,
    spec: { ...task.spec, runtime: 'Knative', delivery: { ...task.spec.delivery, type: 'Broker' } },
  };
}

function template(service: Manifest): { metadata: { labels: object }; spec: Record<string, unknown> } {
  return (service['spec'] as { template: { metadata: { labels: object }; spec: Record<string, unknown> } })
    .template;
}

function stageOf({ status }: Task, name: string) {
  return status?.stages?.find((stage) => stage.name === name);
}
