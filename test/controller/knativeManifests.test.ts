// What `runtime: Knative` and `delivery.type: Broker` make of a task, without a cluster.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { V1NetworkPolicy, V1PodSpec } from '@kubernetes/client-node';
import { parseAllDocuments, stringify } from 'yaml';
import { eventTypes } from '../../config/events.ts';
import type { FunctionList } from '../../config/functions.ts';
import type { Task } from '../../config/schema/resource.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { desired, type DesiredWorker } from '../../controller/desired.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { installation, sampleTask, surroundings, taskOf } from './sampleTasks.ts';

const brokerUrl = 'http://broker-ingress.knative-eventing.svc.cluster.local/default/default';

function manifests(
  task: Task,
  stopped: DesiredWorker['placement'][] = [],
  functions: FunctionList = surroundings.functions,
): Manifest[] {
  const plan = { ...desired(task, { ...surroundings, functions }), brokerUrl };
  return manifestsOf(task, plan, { functions, installation, stopped: new Set(stopped) });
}

const cameras = 'cameras: [{id: a, node: edge-1, source: {uri: "rtsp://10.0.0.1/a"}}]';
const onKnative = taskOf(`{runtime: Knative, ${cameras}}`);
const byBroker = taskOf(`{delivery: {type: Broker}, ${cameras}}`);
const both = taskOf(`{runtime: Knative, delivery: {type: Broker}, ${cameras}}`);
const cropsToCloud = `privacy: {egress: CropsAllowed}, stages: {embed: {placement: Cloud}}`;

const isKnative = ({ apiVersion }: Manifest) => apiVersion.startsWith('serving.knative.dev/');
const isTrigger = ({ kind }: Manifest) => kind === 'Trigger';

interface Template {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: V1PodSpec & { containerConcurrency: number; timeoutSeconds: number };
}

function template(objects: Manifest[], name: string): Template {
  const found = objects.find((each) => isKnative(each) && each.metadata.name === name);
  return (found?.['spec'] as { template: Template }).template;
}

function sinks(objects: Manifest[], worker: string): Record<string, string> {
  const found = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === worker);
  return (JSON.parse((found?.['data'] as Record<string, string>)['worker.json']!) as WorkerConfig).sinks;
}

function policy(objects: Manifest[], name: string): NonNullable<V1NetworkPolicy['spec']> {
  const found = objects.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === name);
  return (found as unknown as V1NetworkPolicy).spec!;
}

test('a Knative Service names the logins of a private registry too', () => {
  const plan = { ...desired(onKnative, surroundings), brokerUrl };
  const logins = { ...installation, imagePullSecrets: ['registry'] };
  const { functions } = surroundings;
  const services = manifestsOf(onKnative, plan, { functions, installation: logins, stopped: new Set() })
    .filter(isKnative)
    .map((each) => (each['spec'] as { template: Template }).template.spec.imagePullSecrets);
  expect(services.length).toBeGreaterThan(0);
  expect(services).toEqual(services.map(() => [{ name: 'registry' }]));
});

// To accept a change: delete the file, run the test, and read the difference before it is committed.
test('the objects of sample knative are those of the golden file', () => {
  const path = 'test/controller/golden/knative.yaml';
  const objects = manifests(sampleTask('knative'));
  const text = objects
    .map((object) => `---\n${stringify(object, { aliasDuplicateObjects: false })}`)
    .join('');
  if (!existsSync(path) && process.env['CI'] !== 'true') writeFileSync(path, text);
  const golden = parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as unknown);
  expect(JSON.parse(JSON.stringify(objects))).toEqual(golden);
});

test('only cloud workers run on Knative, without a Deployment or Service of their own', () => {
  const kinds = manifests(onKnative)
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Service')
    .map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`);
  expect(kinds.sort()).toEqual([
    'apps/v1 Deployment gate-detect-edge-1',
    'apps/v1 Deployment gate-embed-edge-1',
    'apps/v1 Deployment gate-ingest-edge-1',
    'serving.knative.dev/v1 Service gate-match-kn',
    'serving.knative.dev/v1 Service gate-status-kn',
    'v1 Service gate-detect-edge-1',
    'v1 Service gate-embed-edge-1',
  ]);
});

test('a store that outlives its pods has one worker at a time, so that match stays a Deployment', () => {
  const objects = manifests(taskOf(`{runtime: Knative, retention: {claimName: people}, ${cameras}}`));
  const own = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'Service');
  const match = own.filter(({ metadata }) => metadata.name.startsWith('gate-match'));
  expect(match.map(({ apiVersion, metadata }) => `${apiVersion} ${metadata.name}`)).toEqual([
    'v1 gate-match',
    'apps/v1 gate-match',
  ]);
  expect(own.some(({ metadata }) => metadata.name === 'gate-status-kn')).toBe(true);
  expect(sinks(objects, 'gate-embed-edge-1')[eventTypes.tracklets]).toBe(
    'http://gate-match.default.svc:8080/',
  );
});

test('a Knative Service has bounds for its scale, its requests and its time, and no address outside', () => {
  const objects = manifests(onKnative);
  const service = objects.find(isKnative)!;
  expect(service.metadata.labels).toMatchObject({ 'networking.knative.dev/visibility': 'cluster-local' });
  const { metadata, spec } = template(objects, 'gate-match-kn');
  expect(metadata.annotations).toMatchObject({
    'autoscaling.knative.dev/min-scale': '1',
    'autoscaling.knative.dev/max-scale': '1',
    'multiedgeinference.sedna.io/config-hash': expect.stringMatching(/^[0-9a-f]{16}$/),
  });
  expect(spec).toMatchObject({ containerConcurrency: 64, timeoutSeconds: 60 });
  expect(spec.containers[0]!.resources).toEqual({
    requests: { cpu: '250m', memory: '256Mi' },
    limits: { cpu: '2', memory: '1Gi' },
  });
  expect(metadata.labels).toMatchObject({ 'multiedgeinference.sedna.io/worker': 'gate-match' });
});

function withScaling(min: number, max: number): FunctionList {
  const { functions } = surroundings.functions;
  const match = { ...functions.match, scaling: { min, max, concurrency: 8 } };
  return { ...surroundings.functions, functions: { ...functions, match } };
}

test.each([
  [0, 5, undefined, '0', '5'],
  [2, 5, undefined, '2', '5'],
  [1, 5, 3, '3', '3'],
  [1, 2, 3, '2', '2'],
])(
  'a function that scales from %d to %d, asked for %p, runs %s to %s times',
  (min, max, asked, least, most) => {
    const stages = asked === undefined ? '' : `stages: {match: {replicas: ${asked}}}, `;
    const task = taskOf(`{runtime: Knative, ${stages}${cameras}}`);
    const { annotations } = template(manifests(task, [], withScaling(min, max)), 'gate-match-kn').metadata;
    expect(annotations).toMatchObject({
      'autoscaling.knative.dev/min-scale': least,
      'autoscaling.knative.dev/max-scale': most,
    });
  },
);

test('a packed worker is bounded by the strictest of its stages', () => {
  const packed = taskOf(`{runtime: Knative, packing: PerNode, ${cameras}}`);
  const { metadata, spec } = template(manifests(packed, [], withScaling(0, 5)), 'gate-cloud-kn');
  expect(metadata.annotations).toMatchObject({
    'autoscaling.knative.dev/min-scale': '1',
    'autoscaling.knative.dev/max-scale': '1',
  });
  expect(spec.containerConcurrency).toBe(8 + 64);
});

test('the status function has a token though Knative mounts none, and nobody else has', () => {
  const objects = manifests(onKnative);
  const volumes = (name: string) => template(objects, name).spec.volumes!.map(({ name }) => name);
  expect(volumes('gate-status-kn')).toContain('account');
  expect(volumes('gate-match-kn')).not.toContain('account');
  expect(template(objects, 'gate-status-kn').spec.automountServiceAccountToken).toBe(false);
});

test('senders address a Knative Service by its name in the cluster, and the Broker where there is one', () => {
  expect(sinks(manifests(onKnative), 'gate-embed-edge-1')).toEqual({
    [eventTypes.tracklets]: 'http://gate-match-kn.default.svc.cluster.local/',
    [eventTypes.stream]: 'http://gate-match-kn.default.svc.cluster.local/',
    [eventTypes.report]: 'http://gate-status-kn.default.svc.cluster.local/',
  });
  expect(sinks(manifests(byBroker), 'gate-embed-edge-1')).toEqual({
    [eventTypes.tracklets]: brokerUrl,
    [eventTypes.stream]: brokerUrl,
    [eventTypes.report]: brokerUrl,
  });
});

test('pictures never go to the Broker while the stages that take them are at the edge', () => {
  const { [eventTypes.report]: reports, ...media } = sinks(manifests(both), 'gate-ingest-edge-1');
  expect(reports).toBe(brokerUrl);
  expect(Object.values(media)).toEqual(Array(2).fill('http://gate-detect-edge-1.default.svc:8080/'));
});

const prefix = (rest: string) => ({
  prefix: { source: `/namespaces/default/multiedgeinferences/gate/${rest}` },
});

test('each type that a worker takes has a Trigger, for this task and the stage before only', () => {
  const found = manifests(taskOf(`{delivery: {type: Broker}, ${cropsToCloud}, ${cameras}}`)).filter(
    isTrigger,
  );
  const filters = found.map(({ metadata, spec }) => [
    metadata.name,
    (spec as { filters: unknown[] }).filters,
  ]);
  const exact = (event: keyof typeof eventTypes) => ({ exact: { type: eventTypes[event] } });
  expect(Object.fromEntries(filters)).toEqual({
    'gate-embed-tracks-default': [exact('tracks'), prefix('detect/')],
    'gate-embed-stream-default': [exact('stream'), prefix('detect/')],
    'gate-match-tracklets-default': [exact('tracklets'), prefix('embed/')],
    'gate-match-stream-default': [exact('stream'), prefix('embed/')],
    'gate-status-identities-default': [exact('identities'), prefix('match/')],
    'gate-status-report-default': [exact('report'), prefix('')],
  });
});

test('workers that share the cameras hear each its own, exactly', () => {
  const two =
    'cameras: [{id: a, source: {uri: "rtsp://10.0.0.1/a"}}, {id: ab, source: {uri: "rtsp://10.0.0.1/b"}}]';
  const shared = cropsToCloud.replace('placement: Cloud', 'placement: Cloud, replicas: 2');
  const objects = manifests(taskOf(`{runtime: Knative, delivery: {type: Broker}, ${shared}, ${two}}`));
  const triggers = objects.filter(isTrigger).filter(({ metadata }) => metadata.name.includes('-tracks-'));
  const heard = triggers.map(({ spec }) => (spec as { filters: unknown[] }).filters[1]);
  const source = (camera: string) => `/namespaces/default/multiedgeinferences/gate/detect/${camera}`;
  const only = (camera: string) => ({ any: [{ exact: { source: source(camera) } }] });
  expect(heard).toHaveLength(2);
  expect(heard).toEqual(expect.arrayContaining([only('a'), only('ab')]));
  for (const name of ['gate-embed-kn', 'gate-embed2-kn']) {
    expect(template(objects, name).metadata.annotations).toMatchObject({
      'autoscaling.knative.dev/min-scale': '1',
      'autoscaling.knative.dev/max-scale': '1',
    });
  }
});

test('what packed stages hand over among themselves needs no Trigger', () => {
  const packed = taskOf(`{packing: PerNode, delivery: {type: Broker}, ${cameras}}`);
  const names = manifests(packed)
    .filter(isTrigger)
    .map(({ metadata }) => metadata.name);
  expect(names.sort()).toEqual([
    'gate-cloud-report-default',
    'gate-cloud-stream-default',
    'gate-cloud-tracklets-default',
  ]);
});

test('a Trigger tries for minutes, then hands the event to the dead letter sink', () => {
  const broker = 'broker: {name: cameras, deadLetterUri: "http://dead.default.svc/"}';
  const objects = manifests(taskOf(`{delivery: {type: Broker, ${broker}}, ${cameras}}`));
  for (const { spec, metadata } of objects.filter(isTrigger)) {
    expect(metadata.name).toMatch(/-cameras$/);
    expect(spec).toMatchObject({
      broker: 'cameras',
      delivery: {
        retry: 8,
        backoffPolicy: 'exponential',
        backoffDelay: 'PT0.5S',
        timeout: 'PT30S',
        deadLetterSink: { uri: 'http://dead.default.svc/' },
      },
    });
  }
  const own = manifests(byBroker).filter(isTrigger);
  expect(JSON.stringify(own)).not.toContain('deadLetterSink');
});

test('the subscriber is the Knative Service, or the address of the Deployment with its port', () => {
  const subscribers = (task: Task) =>
    manifests(task)
      .filter(isTrigger)
      .map(({ spec }) => (spec as { subscriber: unknown }).subscriber);
  expect(subscribers(both)).toContainEqual({
    ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'gate-match-kn' },
  });
  expect(subscribers(byBroker)).toContainEqual({ uri: 'http://gate-match.default.svc:8080/' });
});

test('behind a Broker no worker answers with events', () => {
  const variables = (task: Task, name: string) => template(manifests(task), name).spec.containers[0]!.env!;
  const never = { name: 'MEI_REPLIES', value: 'never' };
  expect(variables(both, 'gate-match-kn')).toContainEqual(never);
  expect(variables(onKnative, 'gate-match-kn')).not.toContainEqual(never);
});

const inNamespaces = (...values: string[]) => ({
  namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }] },
});

test('a worker on Knative is reached through its proxy from Knative only, and reaches others through the gateway', () => {
  const objects = manifests(onKnative);
  const ports = [8012, 8013, 8112, 9090].map((port) => ({ protocol: 'TCP', port }));
  const knative = inNamespaces('knative-serving', 'kourier-system');
  expect(policy(objects, 'gate-match').ingress).toEqual([{ from: [knative], ports }]);
  const through = { to: [knative], ports: [{ protocol: 'TCP' }] };
  expect(policy(objects, 'gate-match').egress).toContainEqual(through);
  expect(policy(objects, 'gate-embed-edge-1').egress).toContainEqual(through);
});

test('with a Broker the namespace of its address may send, and is sent to; neighbours are not', () => {
  const objects = manifests(byBroker);
  const broker = inNamespaces('knative-eventing');
  expect(policy(objects, 'gate-match').ingress).toEqual([
    { from: [broker], ports: [{ protocol: 'TCP', port: 8080 }] },
  ]);
  const { egress } = policy(objects, 'gate-embed-edge-1');
  expect(egress).toContainEqual({ to: [broker], ports: [{ protocol: 'TCP' }] });
  expect(JSON.stringify(egress)).not.toContain('podSelector');
});

test('a suspended task has neither Knative Services nor Triggers, and keeps the rest', () => {
  const running = manifests(both);
  const stopped = manifests(both, ['edge', 'cloud']);
  expect(stopped.some((each) => isKnative(each) || isTrigger(each))).toBe(false);
  const rest = running.filter((each) => !isKnative(each) && !isTrigger(each));
  expect(stopped.map(({ metadata }) => metadata.name)).toEqual(rest.map(({ metadata }) => metadata.name));
});
