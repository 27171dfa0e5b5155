// Whether a cluster has what tasks need, and whether this user may use it: asked of the API server, as kubectl would. Part
// of `mei doctor --cluster`; judgements.ts says what an answer means.
import { AuthorizationV1Api, KubeConfig } from '@kubernetes/client-node';
import { group, plural } from '../../config/schema/resource.ts';
import { Cluster } from '../../controller/cluster.ts';
import { ApiError } from '../../controller/errors.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { leaseResource, nodeResource, taskResource, type Resource } from '../../controller/resources.ts';
import { fail, ok, skip, warn, type Check, type Finding } from './check.ts';
import {
  agentsFinding,
  controllerFinding,
  definitionFinding,
  leaseFinding,
  nodesFinding,
  tasksFinding,
} from './judgements.ts';

const crdResource: Resource = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
};
const deploymentResource: Resource = { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' };
const daemonSetResource: Resource = { apiVersion: 'apps/v1', kind: 'DaemonSet', plural: 'daemonsets' };
const agentsNamespace = 'multi-edge-inference-edge';
const mostListed = 500;

/** What who works with tasks should be allowed: verb, API group, resource. */
const wantedRights: [string, string, string][] = [
  ['create', group, plural],
  ['get', group, plural],
  ['get', '', 'pods/log'],
];

export function clusterChecks(namespace: string): Check[] {
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = new Cluster(config, {
    fieldManager: 'mei-doctor',
    requestTimeoutMs: 10_000,
    connections: 2,
  });
  const one = (resource: Resource, where: string | undefined, name: string) =>
    readable(() => cluster.get(resource, where, name));
  const all = (resource: Resource) =>
    readable(async () => (await cluster.list(resource, { limit: mostListed })).items);
  const check = <T>(
    name: string,
    ask: () => Promise<T | 'forbidden'>,
    judge: (answer: T) => Finding,
  ): Check => ({
    name,
    look: async () => {
      const answer = await ask();
      return answer === 'forbidden'
        ? skip('you may not look at it; ask who runs the cluster')
        : judge(answer);
    },
  });
  return [
    { name: 'API server', look: () => serverFinding(cluster, config) },
    { name: 'your rights', look: () => rightsFinding(config) },
    check('definition of tasks', () => one(crdResource, undefined, `${plural}.${group}`), definitionFinding),
    check(
      'controller',
      () => one(deploymentResource, namespace, 'controller'),
      (found) => controllerFinding(found, namespace),
    ),
    check(
      'lease of the controller',
      () => one(leaseResource, namespace, 'multi-edge-inference-controller'),
      (found) => leaseFinding(found, Date.now()),
    ),
    check('nodes', () => all(nodeResource), nodesFinding),
    check(
      'local controllers',
      () => one(daemonSetResource, agentsNamespace, 'local-controller'),
      agentsFinding,
    ),
    check('tasks', async () => tasksOf(cluster), tasksFinding),
  ];
}

async function serverFinding(cluster: Cluster, config: KubeConfig): Promise<Finding> {
  const where = config.getCurrentCluster()?.server;
  if (where === undefined)
    return fail('no kubeconfig names a cluster', 'set KUBECONFIG, or copy a kubeconfig to ~/.kube/config');
  try {
    await cluster.isServed(nodeResource);
    return ok(`${where}, context ${config.getCurrentContext()}`);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof ApiError)
      return fail(`${where}: ${message}`, 'log in anew: the credentials of the kubeconfig are not accepted');
    return fail(
      message,
      'is it the right cluster (kubectl config get-contexts), and does a VPN or proxy stand between?',
    );
  }
}

async function rightsFinding(config: KubeConfig): Promise<Finding> {
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  const api = config.makeApiClient(AuthorizationV1Api);
  const missing: string[] = [];
  for (const [verb, apiGroup, name] of wantedRights) {
    const [resource, subresource] = name.split('/') as [string, string?];
    const resourceAttributes = {
      namespace,
      verb,
      group: apiGroup,
      resource,
      ...(subresource && { subresource }),
    };
    const { status } = await api.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes } } });
    if (status?.allowed !== true) missing.push(`${verb} ${name}`);
  }
  if (missing.length === 0) return ok(`you may use tasks in namespace ${namespace}`);
  return warn(
    `in namespace ${namespace} you may not ${missing.join(', ')}`,
    `who runs the cluster can allow it: kubectl -n ${namespace} create rolebinding mei-users --clusterrole=edit --user=YOU`,
  );
}

/** Undefined where the kind is not served, which another check says. */
async function tasksOf(cluster: Cluster): Promise<Manifest[] | undefined | 'forbidden'> {
  if (!(await cluster.isServed(taskResource))) return undefined;
  return readable(async () => (await cluster.list(taskResource, { limit: mostListed })).items);
}

async function readable<T>(ask: () => Promise<T>): Promise<T | 'forbidden'> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return 'forbidden';
    throw error;
  }
}
