// The install as `npm run manifests` prints it, as far as it can be judged without a cluster.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { loadFunctions } from '../../config/functions.ts';
import { assemble, keyOf } from '../../config/install/assemble.ts';
import { applyPatch, type Operation } from '../../config/install/jsonPatch.ts';
import { readSettings as readLocal } from '../../controller/local/settings.ts';
import { readSettings as readController } from '../../controller/settings.ts';
import { installObjects, manifestsYaml, overlays } from '../../config/manifests.ts';

const folder = mkdtempSync(join(tmpdir(), 'mei-manifests-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Workload {
  spec: { template: { spec: { containers: { image: string; env: { name: string; value?: string }[] }[] } } };
}

test('there is an overlay for plain Kubernetes with and without local controllers, KubeEdge and Knative', () => {
  expect(overlays).toEqual(['knative', 'kubeedge', 'local-controllers', 'plain']);
});

test.each(overlays)('%s prints all objects as one YAML, what others need first', (overlay) => {
  const objects = installObjects(overlay);
  const printed = parseAllDocuments(manifestsYaml(overlay)).map((document) => document.toJS() as unknown);
  expect(printed).toEqual(objects);
  const kinds = objects.map(({ kind }) => kind);
  expect([...new Set(kinds)].slice(0, 3)).toEqual([
    'Namespace',
    'CustomResourceDefinition',
    'ServiceAccount',
  ]);
  expect(kinds.indexOf('ClusterRole')).toBeLessThan(kinds.indexOf('ClusterRoleBinding'));
  expect(kinds.indexOf('ClusterRoleBinding')).toBeLessThan(kinds.length);
});

test.each(overlays)('%s labels what it installs', (overlay) => {
  const foreign = [
    'CustomResourceDefinition/multiedgeinferences.sedna.io',
    'ConfigMap/knative-serving/config-features',
  ];
  for (const object of installObjects(overlay)) {
    if (foreign.includes(keyOf(object))) continue;
    expect(object.metadata.labels).toMatchObject({
      'app.kubernetes.io/name': 'multi-edge-inference',
      'app.kubernetes.io/part-of': 'multi-edge-inference',
    });
  }
});

test('controller and workers run the image of serverless.yml, or the one that is asked for', () => {
  expect(images('plain')).toEqual([loadFunctions().image, loadFunctions().image]);
  expect(images('kubeedge', 'registry.example/mei:2')).toEqual([
    'registry.example/mei:2',
    'registry.example/mei:2',
  ]);
});

test('an unknown overlay is answered with those that exist', () => {
  expect(() => installObjects('openshift')).toThrow(
    'there is no overlay openshift: choose knative, kubeedge, local-controllers, plain',
  );
});

test.each([
  ['namePrefix: a-', /kustomization.yaml: namePrefix is not understood here: use apiVersion, kind/],
  ['resources: [one.yaml, one.yaml]', /ConfigMap\/default\/one comes twice: remove one/],
  ['patches: [{ target: { kind: Pod, name: x }, patch: "[]" }]', /no Pod x to patch/],
  ['resources: [broken.yaml]', /broken.yaml: /],
])('a kustomization with %s is refused', (text, message) => {
  writeFileSync(join(folder, 'kustomization.yaml'), text);
  writeFileSync(
    join(folder, 'one.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one, namespace: default }\n',
  );
  writeFileSync(join(folder, 'broken.yaml'), 'a: [\n');
  expect(() => assemble(folder)).toThrow(message);
});

test('a patch adds, appends and replaces', () => {
  const object = { list: [{ a: 1 }], 'x/y': 1 };
  applyPatch(
    object,
    [
      { op: 'add', path: '/list/-', value: 2 },
      { op: 'add', path: '/list/0', value: 0 },
      { op: 'replace', path: '/list/1/a', value: 9 },
      { op: 'replace', path: '/x~1y', value: 3 },
    ],
    'here',
  );
  expect(object).toEqual({ list: [0, { a: 9 }, 2], 'x/y': 3 });
});

test.each([
  { op: 'replace', path: '/absent', value: 1 },
  { op: 'add', path: '/absent/a', value: 1 },
  { op: 'remove', path: '/list', value: 1 },
])('a patch that cannot be carried out says where: $op $path', (operation) => {
  expect(() => applyPatch({ list: [] }, [operation as Operation], 'here')).toThrow(
    `here: cannot ${operation.op} ${operation.path}`,
  );
});

function images(overlay: string, image?: string): (string | undefined)[] {
  const deployment = installObjects(overlay, image).find(
    ({ kind }) => kind === 'Deployment',
  ) as unknown as Workload;
  const [container] = deployment.spec.template.spec.containers;
  return [container!.image, container!.env.find(({ name }) => name === 'MEI_IMAGE')?.value];
}

test.each(['kubeedge', 'local-controllers'])(
  '%s installs agents that may nothing but what they need',
  (overlay) => {
    const objects = installObjects(overlay);
    const daemonSet = objects.find(({ kind }) => kind === 'DaemonSet') as unknown as {
      spec: { template: { spec: { containers: object[]; initContainers: object[]; hostNetwork?: boolean } } };
    };
    const pod = daemonSet.spec.template.spec;
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true },
    });
    expect(pod.hostNetwork).toBeUndefined();
    expect(pod.containers).toMatchObject([
      {
        image: loadFunctions().image,
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ]);
    expect(pod.initContainers).toMatchObject([
      {
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'], add: ['CHOWN'] } },
      },
    ]);
    const bound = objects.filter(({ kind }) => kind.endsWith('RoleBinding'));
    expect(JSON.stringify(bound)).not.toContain('local-controller');
    // Only the agents' own namespace is open to what they need of a node.
    for (const { kind, metadata } of objects)
      if (kind === 'Namespace')
        expect([metadata.name, metadata.labels!['pod-security.kubernetes.io/enforce']]).toEqual(
          metadata.name === 'multi-edge-inference-edge'
            ? [metadata.name, 'privileged']
            : [metadata.name, 'restricted'],
        );
  },
);

test('the settings of the agents and of their controller are understood', () => {
  const objects = installObjects('local-controllers');
  const envOf = (kind: string) => {
    const { spec } = objects.find((each) => each.kind === kind) as unknown as Workload;
    const { env } = spec.template.spec.containers[0]!;
    return Object.fromEntries(env.map(({ name, value }) => [name, value ?? 'edge-1']));
  };
  expect(readLocal(envOf('DaemonSet'))).toMatchObject({ node: 'edge-1', port: 9100, host: '0.0.0.0' });
  expect(readController(envOf('Deployment'), 'image', 'name')).toMatchObject({
    link: { port: 8443, files: { tokensFolder: '/etc/multi-edge-inference/node-tokens' } },
    installation: { localControllerPort: 9100 },
  });
});

test('the controller collects its garbage before the kubelet ends it for that', () => {
  const object = installObjects('plain').find(({ kind }) => kind === 'Deployment')!;
  const { spec } = object as unknown as {
    spec: {
      template: { spec: { containers: { args: string[]; resources: { limits: { memory: string } } }[] } };
    };
  };
  const { args, resources } = spec.template.spec.containers[0]!;
  const flag = (name: string) =>
    Number(args.find((each) => each.startsWith(`--${name}=`))?.split('=')[1] ?? NaN);
  const limit = Number(/^(\d+)Mi$/.exec(resources.limits.memory)![1]);
  // Three semi-spaces at most, and what the process holds beside its heap.
  const most = flag('max-old-space-size') + 3 * flag('max-semi-space-size') + 80;
  expect(most).toBeLessThanOrEqual(limit);
});
