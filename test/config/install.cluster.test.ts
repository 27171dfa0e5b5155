// The install on a real API server: accepted strictly, running under the restricted standard, and nobody may do more than needed.
import { beforeAll, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { keyOf, type KubernetesObject } from '../../config/install/assemble.ts';
import { installObjects, manifestsYaml, overlays } from '../../config/manifests.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import {
  allowed,
  allowedOnKnative,
  controllerUser,
  refused,
  refusedOnKnative,
  type Question,
} from './rights.ts';

onCluster('the install on a real API server', { controllers: true, kwokNodes: 2 }, (cluster) => {
  beforeAll(async () => {
    const { kubectl } = cluster();
    await kubectl(['create', 'namespace', 'knative-serving']);
    await kubectl(['apply', '--server-side', '--validate=strict', '-f', '-'], manifestsYaml('plain'));
    // A dry run needs the namespace of what it would make.
    await kubectl(['apply', '--server-side', '-f', 'config/local-controller/namespace.yaml']);
    await kubectl(['wait', '--for=condition=Established', '--timeout=50s', 'crd', '--all']);
  });

  /** Asks the server what `kubectl auth can-i` asks. */
  const mayUser = async (
    user: string,
    [verb, resource, namespace, name]: Question,
    groups: string[] = [],
  ) => {
    const [path, subresource] = resource.split('/') as [string, string | undefined];
    const [plural, ...group] = path.split('.') as [string, ...string[]];
    const { body } = await cluster().request('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user,
        groups,
        resourceAttributes: { verb, resource: plural, group: group.join('.'), subresource, namespace, name },
      },
    });
    return (body as { status: { allowed: boolean } }).status.allowed;
  };
  const mayController = (question: Question) => mayUser(controllerUser, question);

  test.each(overlays)('npm run manifests gives what kubectl kustomize gives for %s', async (overlay) => {
    const built = parse(await cluster().kubectl(['kustomize', `config/overlays/${overlay}`]));
    expect(new Map(installObjects(overlay).map((object) => [keyOf(object), object]))).toEqual(
      new Map(built.map((object) => [keyOf(object), object])),
    );
  });

  test.each(['hub', 'leaf'])('the NATS servers of config/nats/%s are accepted strictly', async (part) => {
    const { kubectl } = cluster();
    const objects = await kubectl(['kustomize', `config/nats/${part}`]);
    const said = await kubectl(['apply', '--server-side', '--validate=strict', '-f', '-'], objects);
    expect(said).toMatch(/networkpolicy.networking.k8s.io.nats-/);
    expect(said).toMatch(part === 'hub' ? /statefulset.apps.nats-hub / : /daemonset.apps.nats-leaf /);
  });

  test.each([
    'crd',
    'rbac',
    'manager',
    'network',
    'local-controller',
    'samples',
    'nats/hub',
    'nats/leaf',
    'bridge',
  ])('config/%s builds by itself', async (base) => {
    expect(parse(await cluster().kubectl(['kustomize', `config/${base}`])).length).toBeGreaterThan(0);
  });

  test('a strict dry run of the bridge is accepted without a warning, also where only restricted pods may run', async () => {
    const built = parse(await cluster().kubectl(['kustomize', 'config/bridge']));
    expect(built).toHaveLength(6);
    for (const object of built) {
      const inside = { ...object, metadata: { ...object.metadata, namespace: 'multi-edge-inference' } };
      const path = `${pathOf(inside)}?dryRun=All&fieldValidation=Strict&fieldManager=test&force=true`;
      const type = { contentType: 'application/apply-patch+yaml' };
      const { status, warnings, body } = await cluster().request('PATCH', path, inside, type);
      expect([keyOf(inside), warnings, status < 300 ? '' : body]).toEqual([keyOf(inside), [], '']);
    }
  });

  test.each(overlays)('a strict dry run of %s is accepted without a warning', async (overlay) => {
    for (const object of installObjects(overlay)) {
      const answer = await cluster().request(
        'PATCH',
        `${pathOf(object)}?dryRun=All&fieldValidation=Strict&fieldManager=test&force=true`,
        object,
        {
          contentType: 'application/apply-patch+yaml',
        },
      );
      expect([keyOf(object), answer.status, answer.status < 300 ? '' : answer.body]).toEqual([
        keyOf(object),
        expect.any(Number),
        '',
      ]);
      expect([keyOf(object), answer.warnings]).toEqual([keyOf(object), []]);
    }
  });

  test('the samples of config/samples can be applied as a whole', async () => {
    const applied = await cluster().kubectl(['apply', '--dry-run=server', '-k', 'config/samples']);
    expect(applied.trim().split('\n')).toHaveLength(7);
  });

  test('the controller starts where only restricted pods may', async () => {
    const { kubectl, request } = cluster();
    await kubectl([
      '-n',
      'multi-edge-inference',
      'wait',
      '--for=condition=Available',
      '--timeout=50s',
      'deploy/controller',
    ]);
    const { status, body } = await request(
      'POST',
      '/api/v1/namespaces/multi-edge-inference/pods?dryRun=All',
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'loose' },
        spec: { containers: [{ name: 'a', image: 'b' }] },
      },
    );
    expect(status).toBe(403);
    expect(body).toMatchObject({
      message: expect.stringContaining('violates PodSecurity "restricted:latest"'),
    });
  });

  test.each(allowed)('the controller may %s %s (in %s)', async (...question) => {
    expect(await mayController(question)).toBe(true);
  });

  test.each(refused)('the controller may not %s %s (in %s)', async (...question) => {
    expect(await mayController(question)).toBe(false);
  });

  test('with the Knative overlay it may what Knative needs, and no more', async () => {
    for (const question of allowedOnKnative)
      expect([question, await mayController(question)]).toEqual([question, false]);
    await cluster().kubectl(['apply', '--server-side', '-f', '-'], manifestsYaml('knative'));
    await until(async () => (await Promise.all(allowedOnKnative.map(mayController))).every(Boolean));
    for (const question of refusedOnKnative)
      expect([question, await mayController(question)]).toEqual([question, false]);
  });

  test('kubectl auth can-i says the same', async () => {
    const can = (...args: string[]) =>
      cluster().kubectl(['auth', 'can-i', ...args, `--as=${controllerUser}`, '-n', 'shop']);
    expect(await can('patch', 'deployments')).toBe('yes\n');
    await expect(can('get', 'secrets')).rejects.toThrow('no');
  });

  test('whoever views or edits a namespace views or edits its tasks', async () => {
    const { kubectl } = cluster();
    for (const role of ['view', 'edit'])
      await kubectl([
        'create',
        'rolebinding',
        role,
        `--clusterrole=${role}`,
        `--user=${role}er`,
        '-n',
        'default',
      ]);
    const task = 'multiedgeinferences.sedna.io';
    await until(() => mayUser('editer', ['create', task, 'default']));
    await until(() => mayUser('viewer', ['get', task, 'default']));
    expect(await mayUser('viewer', ['get', task, 'default'])).toBe(true);
    expect(await mayUser('viewer', ['create', task, 'default'])).toBe(false);
    expect(await mayUser('editer', ['create', task, 'default'])).toBe(true);
    expect(await mayUser('editer', ['patch', `${task}/status`, 'default'])).toBe(false);
    expect(await mayUser('editer', ['create', task, 'shop'])).toBe(false);
  });

  test('with the KubeEdge overlay no pod of an edge stage gets a token', async () => {
    const { kubectl, request } = cluster();
    await kubectl(['apply', '--server-side', '-f', '-'], manifestsYaml('kubeedge'));
    const create = async (type: string, fields: object) => {
      const { status, body } = await request('POST', '/api/v1/namespaces/default/pods?dryRun=All', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p', labels: { 'multiedgeinference.sedna.io/worker-type': type } },
        spec: { containers: [{ name: 'a', image: 'b' }], ...fields },
      });
      return `${status} ${(body as { message?: string }).message ?? ''}`;
    };
    const without = { automountServiceAccountToken: false };
    const token = { name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };
    await until(async () => (await create('ingest', {})).startsWith('422'));
    expect(await create('ingest', {})).toMatch(/^422 .*set automountServiceAccountToken: false/);
    expect(await create('edge', { ...without, volumes: [token] })).toMatch(
      /^422 .*remove the projected volume/,
    );
    expect(await create('edge', without)).toMatch(/^201/);
    expect(await create('status', {})).toMatch(/^201/);
  });
});

/** The server takes over new roles and policies a moment after it stored them. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) if (Date.now() > deadline) throw new Error('it does not hold after 30 s');
}

function parse(text: string): KubernetesObject[] {
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}

/** Plurals of the kinds that are installed. */
function pathOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const plural = kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : `${kind}s`;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${namespace}/${plural.toLowerCase()}/${metadata.name}`;
}
