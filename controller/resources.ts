// The kinds that the controller reads and writes, and what they are called in addresses.
import { knative } from '../config/knative.ts';
import { group, kind, plural, version } from '../config/schema/resource.ts';
import type { Manifest } from './objects/manifest.ts';

export interface Resource {
  apiVersion: string;
  kind: string;
  plural: string;
}

export const taskResource: Resource = { apiVersion: `${group}/${version}`, kind, plural };
export const podResource: Resource = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' };
export const nodeResource: Resource = { apiVersion: 'v1', kind: 'Node', plural: 'nodes' };
export const eventResource: Resource = { apiVersion: 'v1', kind: 'Event', plural: 'events' };
export const leaseResource: Resource = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
};

/** Made, and never looked at: the controller may not read Secrets, but for the one with its own keys. */
export const secretResource: Resource = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' };
export const configMapResource: Resource = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };

/** Kinds that only clusters with Knative have. */
export const knativeServiceResource: Resource = { ...knative.service, plural: 'services' };
export const triggerResource: Resource = { ...knative.trigger, plural: 'triggers' };
export const brokerResource: Resource = { ...knative.broker, plural: 'brokers' };

/** Kinds of objects that a task owns, on every cluster. */
export const ownedResources: Resource[] = [
  { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' },
  configMapResource,
  { apiVersion: 'v1', kind: 'Service', plural: 'services' },
  { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', plural: 'poddisruptionbudgets' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', plural: 'networkpolicies' },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', plural: 'roles' },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', plural: 'rolebindings' },
];

const known = new Map(
  [
    taskResource,
    podResource,
    nodeResource,
    eventResource,
    leaseResource,
    secretResource,
    knativeServiceResource,
    triggerResource,
    ...ownedResources,
  ].map((each) => [`${each.apiVersion} ${each.kind}`, each]),
);

/** @throws Error for a kind that is not in the lists above */
export function resourceOf({ apiVersion, kind }: Pick<Manifest, 'apiVersion' | 'kind'>): Resource {
  const resource = known.get(`${apiVersion} ${kind}`);
  if (!resource) throw new Error(`${apiVersion} ${kind} is not among the resources of the controller`);
  return resource;
}
