// Whether the cluster has what a task asks of Knative, and if not, what to do. Pure; reconcile.ts asks before it writes anything.
import type { V1PodSpec } from '@kubernetes/client-node';
import { knative } from '../config/knative.ts';
import type { Task } from '../config/schema/resource.ts';
import type { DesiredTask } from './desired.ts';
import { LackError } from './errors.ts';
import type { KnativeView } from './knative.ts';
import type { Manifest } from './objects/manifest.ts';
import { brokerNameOf, hearsBroker, runsOnKnative } from './objects/runtime.ts';
import type { Availability } from './optionalKind.ts';

/** What a part of Knative is for, and what is done without it. */
interface Part {
  name: string;
  asks: string;
  objects: string;
  instead: string;
}

const serving: Part = {
  name: 'Knative Serving',
  asks: 'spec.runtime: Knative',
  objects: 'Knative Services',
  instead: 'remove spec.runtime',
};
const eventing: Part = {
  name: 'Knative Eventing',
  asks: 'spec.delivery.type: Broker',
  objects: 'Brokers and Triggers',
  instead: 'remove spec.delivery.type and broker',
};

/**
 * Where the task's Broker takes events; undefined when it needs none.
 * @throws LackError
 */
export function knativeFor(task: Task, { workers }: DesiredTask, view: KnativeView): string | undefined {
  if (workers.some((worker) => runsOnKnative(task, worker))) mustFollow(serving, view.serving);
  if (!workers.some((worker) => hearsBroker(task, worker))) return undefined;
  mustFollow(eventing, view.eventing);
  return brokerUrl(task, view);
}

function mustFollow({ name, asks, objects, instead }: Part, state: Availability): void {
  if (state === 'followed') return;
  if (state === 'absent')
    throw new LackError(
      'KnativeNotInstalled',
      `${asks} needs ${name}, which this cluster does not have: install it, or ${instead}`,
    );
  if (state === 'forbidden')
    throw new LackError(
      'KnativeForbidden',
      `${asks} needs rights over ${objects} that this controller does not have: install it with the overlay knative, or ${instead}`,
    );
  throw new LackError('KnativeUnknown', `it is not known yet whether this cluster has ${name}, for ${asks}`);
}

function brokerUrl(task: Task, view: KnativeView): string {
  const { namespace } = task.metadata;
  const name = brokerNameOf(task);
  const broker = view.broker(namespace, name);
  if (!broker)
    throw new LackError(
      'BrokerNotFound',
      `there is no Broker ${name} in namespace ${namespace}: make one, name another in spec.delivery.broker.name, or ${eventing.instead}`,
    );
  // Workers trust no authority of a cluster's own, so plain HTTP goes first where there is a choice.
  const url = broker.urls.find((each) => each.startsWith('http:')) ?? broker.urls[0];
  if (url === undefined)
    throw new LackError(
      'BrokerNotReady',
      `Broker ${name} has no address yet${broker.complaint && `: ${broker.complaint}`}`,
    );
  return url;
}

interface Feature {
  key: string;
  usesIt: (pod: V1PodSpec) => boolean;
  /** Values with which Knative takes the field, in lower case; undefined: its ConfigMap says nothing. */
  on: (string | undefined)[];
}

const features: Feature[] = [
  {
    key: 'kubernetes.podspec-volumes-emptydir',
    usesIt: ({ volumes = [] }) => volumes.some(({ emptyDir }) => emptyDir),
    on: ['enabled', undefined],
  },
  {
    key: 'kubernetes.podspec-nodeselector',
    usesIt: ({ nodeSelector = {} }) => Object.keys(nodeSelector).length > 0,
    on: ['enabled', 'allowed'],
  },
  {
    key: 'kubernetes.podspec-tolerations',
    usesIt: ({ tolerations = [] }) => tolerations.length > 0,
    on: ['enabled', 'allowed'],
  },
];

/** @throws LackError naming the switches of Knative that must be on for these objects */
export function checkFeatures(manifests: readonly Manifest[], switches: KnativeView['features']): void {
  // What cannot be read is tried: Knative's own refusal says the same in other words.
  if (switches === undefined) return;
  const pods = manifests
    .filter(({ apiVersion }) => apiVersion === knative.service.apiVersion)
    .map(({ spec }) => (spec as { template: { spec: V1PodSpec } }).template.spec);
  const off = features.filter(
    ({ key, usesIt, on }) => pods.some(usesIt) && !on.includes(switches[key]?.toLowerCase()),
  );
  if (off.length === 0) return;
  const data = Object.fromEntries(off.map(({ key }) => [key, 'enabled']));
  throw new LackError(
    'KnativeFeatureDisabled',
    `Knative refuses fields that the workers need while ${off.map(({ key }) => key).join(', ')} is not enabled: apply ` +
      'config/overlays/knative/features.yaml, or kubectl patch configmap config-features -n knative-serving ' +
      `--type merge -p '${JSON.stringify({ data })}'`,
  );
}
