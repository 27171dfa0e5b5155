// The objects of the samples on a real API server: taken strictly from the controller, admitted as restricted, and no worker may more than it must.
import { beforeAll, expect, test } from '@jest/globals';
import type { Task } from '../../config/schema/resource.ts';
import { desired } from '../../controller/desired.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import { stageAccount } from '../../controller/objects/access.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { tokenSecret } from '../../controller/objects/taskToken.ts';
import { ownedResources } from '../../controller/resources.ts';
import { TaskTokens } from '../../controller/taskTokens.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import { eventually, install } from './liveController.ts';
import { installation, sampleTask, surroundings } from './sampleTasks.ts';

const samples = ['minimal', 'two-cameras', 'rtsp', 'history', 'targets'];
const namespace = 'shop';
const { functions } = surroundings;

onCluster('the objects of a task', {}, (cluster) => {
  let controllerToken: string;
  beforeAll(async () => {
    const { kubectl } = cluster();
    controllerToken = await install(cluster());
    await kubectl(['create', 'namespace', namespace]);
    await kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted']);
    await kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/warn=restricted']);
  });

  const apply = (manifest: Manifest, query: string) =>
    cluster().request(
      'PATCH',
      `${pathOf(manifest)}?fieldManager=test&fieldValidation=Strict${query}`,
      manifest,
      {
        contentType: 'application/apply-patch+yaml',
        token: controllerToken,
      },
    );

  test.each(samples)('those of %s are taken strictly, with the rights of the controller', async (sample) => {
    const objects = objectsOf(sampleTask(sample));
    expect(objects.length).toBeGreaterThan(10);
    for (const object of objects) {
      // A binding is refused while its role is not there, so that one is not only tried.
      const { status, body, warnings } = await apply(object, object.kind === 'Role' ? '' : '&dryRun=All');
      const readsFiles = JSON.stringify(object).includes('hostPath');
      expect([object.kind, object.metadata.name, status, (body as { message?: string }).message]).toEqual([
        object.kind,
        object.metadata.name,
        201,
        undefined,
      ]);
      expect(readsFiles ? warnings.filter((warning) => !warning.includes('hostPath')) : warnings).toEqual([]);
    }
  });

  test.each(['rtsp', 'targets'])(
    'the pods of %s are admitted where only restricted ones are',
    async (sample) => {
      const deployments = objectsOf(sampleTask(sample)).filter(({ kind }) => kind === 'Deployment');
      expect(deployments.length).toBeGreaterThan(4);
      for (const { metadata, spec } of deployments) {
        const { template } = spec as { template: { metadata: object; spec: object } };
        const { status, body } = await cluster().request(
          'POST',
          `/api/v1/namespaces/${namespace}/pods?dryRun=All`,
          {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { ...template.metadata, name: metadata.name },
            spec: template.spec,
          },
        );
        expect([status, (body as { message?: string }).message]).toEqual([201, undefined]);
      }
    },
  );

  test('the controller can grant the status function its right, and the workers get nothing else', async () => {
    const task = sampleTask('rtsp');
    const granting = objectsOf(task).filter(({ kind }) =>
      ['ServiceAccount', 'Role', 'RoleBinding'].includes(kind),
    );
    for (const object of granting) expect((await apply(object, '')).status).toBeLessThan(300);
    const may = async (account: string, [verb, resource, name]: [string, string, string?]) => {
      const [path, subresource] = resource.split('/') as [string, string | undefined];
      const [plural, ...group] = path.split('.') as [string, ...string[]];
      const attributes = { verb, resource: plural, group: group.join('.'), subresource, namespace, name };
      const { body } = await cluster().request('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: `system:serviceaccount:${namespace}:${account}`, resourceAttributes: attributes },
      });
      return (body as { status: { allowed: boolean } }).status.allowed;
    };
    const status = 'multiedgeinferences.sedna.io/status';
    const { name } = task.metadata;
    const questions: [string, string, string?][] = [
      ...['update', 'delete', 'list', 'watch'].map((verb): [string, string, string] => [verb, status, name]),
      ...['get', 'patch'].map((verb): [string, string, string] => [verb, status, 'another']),
      ...['get', 'list', 'watch', 'patch', 'delete'].map((verb): [string, string, string] => [
        verb,
        'multiedgeinferences.sedna.io',
        name,
      ]),
      ...['get', 'list'].flatMap((verb) =>
        ['secrets', 'configmaps', 'pods', 'nodes', 'events'].map((resource): [string, string] => [
          verb,
          resource,
        ]),
      ),
      ['create', 'pods'],
      ['create', 'serviceaccounts/token'],
    ];
    // The authorizer learns of new roles by a watch of its own.
    for (const verb of ['get', 'patch'])
      await eventually(() => may(`${name}-status`, [verb, status, name]), Boolean);
    for (const verb of ['get', 'patch']) {
      expect([verb, await may(stageAccount, [verb, status, name])]).toEqual([verb, false]);
    }
    for (const account of [stageAccount, `${name}-status`])
      for (const question of questions)
        expect([account, question, await may(account, question)]).toEqual([account, question, false]);
  });

  test('the controller makes the Secret with the token of a task, and can read neither that one nor any other', async () => {
    const placed = sampleTask('rtsp');
    const task = { ...placed, metadata: { ...placed.metadata, namespace } };
    const secret = tokenSecret(task, new TaskTokens(['k'.repeat(32)]).of('u'));
    const secrets = `/api/v1/namespaces/${namespace}/secrets`;
    const ask = async (method: string, path: string, body?: object) =>
      (await cluster().request(method, path, body, { token: controllerToken })).status;
    expect(await ask('POST', `${secrets}?fieldValidation=Strict`, secret)).toBe(201);
    const own = `${secrets}/${secret.metadata.name}`;
    for (const path of [own, secrets, '/api/v1/secrets'])
      expect([path, await ask('GET', path)]).toEqual([path, 403]);
    expect([await ask('PUT', own, secret), await ask('DELETE', own)]).toEqual([403, 403]);
    const patch = { contentType: 'application/apply-patch+yaml', token: controllerToken };
    const empty = { apiVersion: 'v1', kind: 'Secret', metadata: { name: secret.metadata.name, namespace } };
    expect((await cluster().request('PATCH', `${own}?fieldManager=test`, empty, patch)).status).toBe(403);
  });

  test('the controller cannot grant more than it may itself', async () => {
    const role: Manifest = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'greedy', namespace },
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
    };
    const { status, body } = await apply(role, '');
    expect(status).toBe(403);
    expect(body).toMatchObject({ message: expect.stringContaining('attempting to grant RBAC permissions') });
  });
});

function objectsOf(task: Task): Manifest[] {
  const placed: Task = { ...task, metadata: { ...task.metadata, namespace } };
  return manifestsOf(placed, desired(placed, surroundings), { functions, installation, stopped: new Set() });
}

function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const { plural } = ownedResources.find((resource) => resource.kind === kind)!;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${metadata.namespace}/${plural}/${metadata.name}`;
}
