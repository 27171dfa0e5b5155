// What a task needs of Knative, what is said when it is not there, and how workers on Knative are judged.
import { expect, test } from '@jest/globals';
import type { Task } from '../../config/schema/resource.ts';
import { desired } from '../../controller/desired.ts';
import { LackError } from '../../controller/errors.ts';
import type { Broker, KnativeView } from '../../controller/knative.ts';
import { checkFeatures, knativeFor } from '../../controller/knativeNeeds.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import { workerLabel, type Manifest } from '../../controller/objects/manifest.ts';
import type { Availability } from '../../controller/optionalKind.ts';
import type { PodView } from '../../controller/podView.ts';
import { workerStates, type WorkerState } from '../../controller/workers.ts';
import { installation, surroundings, taskOf } from './sampleTasks.ts';

const cameras = 'cameras: [{id: a, node: edge-1, source: {uri: "rtsp://10.0.0.1/a"}}]';
const onKnative = taskOf(`{runtime: Knative, ${cameras}}`);
const byBroker = taskOf(`{delivery: {type: Broker, broker: {name: cameras}}, ${cameras}}`);
const plain = taskOf(`{${cameras}}`);
const allAtTheEdge = taskOf(
  `{runtime: Knative, delivery: {type: Broker}, stages: {match: {placement: Edge}, status: {placement: Edge}}, ${cameras}}`,
);

function cluster(
  serving: Availability,
  eventing: Availability,
  brokers: Record<string, Broker> = {},
): KnativeView {
  return {
    serving,
    eventing,
    features: {},
    broker: (namespace, name) => brokers[`${namespace}/${name}`],
    owned: () => [],
  };
}

const ask = (task: Task, view: KnativeView) => knativeFor(task, desired(task, surroundings), view);

test.each([
  [plain, 'absent', 'absent'],
  [allAtTheEdge, 'absent', 'absent'],
  [onKnative, 'followed', 'absent'],
] as const)('a task that needs nothing of what is missing goes on (%#)', (task, serving, eventing) => {
  expect(ask(task, cluster(serving, eventing))).toBeUndefined();
});

const url = (name: string, scheme = 'http') => `${scheme}://${name}.knative-eventing.svc.cluster.local/`;

test.each<[string, Task, KnativeView, string, RegExp]>([
  ['no Serving', onKnative, cluster('absent', 'followed'), 'KnativeNotInstalled', /remove spec.runtime$/],
  ['no rights', onKnative, cluster('forbidden', 'followed'), 'KnativeForbidden', /with the overlay knative/],
  ['no answer yet', onKnative, cluster('unknown', 'followed'), 'KnativeUnknown', /not known yet/],
  ['no Eventing', byBroker, cluster('absent', 'absent'), 'KnativeNotInstalled', /spec.delivery.type: Broker/],
  [
    'no such Broker',
    byBroker,
    cluster('absent', 'followed'),
    'BrokerNotFound',
    /no Broker cameras in namespace default/,
  ],
  [
    'a Broker without address',
    byBroker,
    cluster('absent', 'followed', { 'default/cameras': { urls: [], complaint: 'no channel' } }),
    'BrokerNotReady',
    /no address yet: no channel$/,
  ],
])('%s: the reason, and the way out', (_name, task, view, reason, message) => {
  const error = (() => {
    try {
      return ask(task, view);
    } catch (caught) {
      return caught;
    }
  })();
  expect(error).toBeInstanceOf(LackError);
  expect(error).toMatchObject({ reason, message: expect.stringMatching(message) });
});

test('of several addresses of a Broker the one without TLS is taken', () => {
  const urls = [url('one', 'https'), url('two')];
  const view = (broker: Broker) => cluster('absent', 'followed', { 'default/cameras': broker });
  expect(ask(byBroker, view({ urls, complaint: '' }))).toBe(url('two'));
  expect(ask(byBroker, view({ urls: urls.slice(0, 1), complaint: '' }))).toBe(url('one', 'https'));
});

function manifests(task: Task): Manifest[] {
  const { functions } = surroundings;
  return manifestsOf(task, desired(task, surroundings), { functions, installation, stopped: new Set() });
}

test('switches that cannot be read keep nothing back', () => {
  const choosy = taskOf(`{runtime: Knative, stages: {match: {nodeSelector: {zone: north}}}, ${cameras}}`);
  expect(() => checkFeatures(manifests(choosy), undefined)).not.toThrow();
  expect(() => checkFeatures(manifests(choosy), {})).toThrow(
    'kubernetes.podspec-nodeselector is not enabled',
  );
  expect(() => checkFeatures(manifests(plain), {})).not.toThrow();
});

interface Seen {
  generation?: number;
  observedGeneration?: number;
  revision?: string;
  ready?: { status: string; reason?: string; message?: string };
}

function stateOf(seen: Seen | undefined, pods: PodView[], min = '1'): WorkerState {
  const applied = structuredClone(manifests(onKnative));
  const service = applied.find(({ metadata }) => metadata.name === 'gate-match-kn')!;
  const { template } = service['spec'] as { template: { metadata: { annotations: Record<string, string> } } };
  template.metadata.annotations['autoscaling.knative.dev/min-scale'] = min;
  const observed = seen && {
    ...service,
    metadata: { ...service.metadata, generation: seen.generation ?? 1 },
    status: {
      observedGeneration: seen.observedGeneration ?? 1,
      latestCreatedRevisionName: seen.revision ?? 'gate-match-kn-00001',
      conditions: seen.ready ? [{ type: 'Ready', ...seen.ready }] : [],
    },
  };
  const { workers } = desired(onKnative, surroundings);
  const states = workerStates(workers, applied, observed ? [observed] : [], pods);
  return states.find(({ name }) => name === 'gate-match')!;
}

function pod(revision: string, more: object = {}): PodView {
  const labels = { [workerLabel]: 'gate-match', 'serving.knative.dev/revision': revision };
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${revision}-x`, namespace: 'default', labels },
    status: { phase: 'Running', conditions, ...more },
  } as unknown as PodView;
}

const ready = { status: 'True' };
const first = 'gate-match-kn-00001';

test.each<[string, Seen | undefined, PodView[], Partial<WorkerState>]>([
  ['not there yet', undefined, [], { wanted: 1, ready: 0, phase: 'Pending' }],
  ['ready with its pod', { ready }, [pod(first)], { wanted: 1, ready: 1, phase: 'Running' }],
  ['ready while its pod starts', { ready }, [], { wanted: 1, ready: 0, phase: 'Pending' }],
  ['edited, and not looked at yet', { ready, generation: 2 }, [pod(first)], { ready: 0, phase: 'Starting' }],
  [
    'on its way to another revision',
    { ready: { status: 'Unknown' }, revision: 'gate-match-kn-00002' },
    [pod(first)],
    { ready: 0, phase: 'Starting' },
  ],
  [
    'failed',
    { ready: { status: 'False', reason: 'RevisionFailed', message: 'no image' } },
    [],
    {
      ready: 0,
      phase: 'Failed',
      trouble: { reason: 'RevisionFailed', message: 'its Knative Service is not ready: no image' },
    },
  ],
])('a worker that is %s', (_name, seen, pods, state) => {
  expect(stateOf(seen, pods)).toMatchObject(state);
});

test('a function that may scale to nothing is as it should be without pods', () => {
  expect(stateOf({ ready }, [], '0')).toMatchObject({ wanted: 1, ready: 1, phase: 'Running' });
});

test("what is wrong with the worker's container is said, whatever stands beside it in the pod", () => {
  const waiting = { waiting: { reason: 'ImagePullBackOff', message: 'not found' } };
  const containerStatuses = [
    { name: 'queue-proxy', image: 'q', restartCount: 0, state: { running: {} } },
    { name: 'worker', image: 'w', restartCount: 0, state: waiting },
  ];
  const state = stateOf({ ready: { status: 'Unknown' } }, [pod(first, { containerStatuses })]);
  expect(state.trouble).toEqual({
    reason: 'ImagePullBackOff',
    message: 'image w cannot be pulled: not found',
  });
});
