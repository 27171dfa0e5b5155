import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { V1Deployment, V1PodSpec } from '@kubernetes/client-node';
import { parseAllDocuments, stringify } from 'yaml';
import { eventTypes } from '../../config/events.ts';
import type { Task } from '../../config/schema/resource.ts';
import type { StageName, WorkerConfig } from '../../config/worker.ts';
import { desired, type DesiredWorker } from '../../controller/desired.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import { forbiddenFiles } from '../../controller/objects/cameraFiles.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { installation, sampleTask, surroundings, taskOf } from './sampleTasks.ts';

function manifests(task: Task, stopped: DesiredWorker['placement'][] = []): Manifest[] {
  const { functions } = surroundings;
  return manifestsOf(task, desired(task, surroundings), {
    functions,
    installation,
    stopped: new Set(stopped),
  });
}

function deployments(objects: Manifest[]): Map<string, V1Deployment> {
  const found = objects.filter(({ kind }) => kind === 'Deployment');
  return new Map(found.map((each) => [each.metadata.name, each as unknown as V1Deployment]));
}

function pod(objects: Manifest[], name: string): V1PodSpec {
  return deployments(objects).get(name)!.spec!.template.spec!;
}

function named(objects: Manifest[], kind: string, name: string): Manifest | undefined {
  return objects.find((each) => each.kind === kind && each.metadata.name === name);
}

// To accept a change: delete the file, run the test, and read the difference before it is committed.
test.each(['rtsp', 'two-cameras'])('the objects of sample %s are those of the golden file', (name) => {
  const path = `test/controller/golden/${name}.yaml`;
  const objects = manifests(sampleTask(name));
  const text = objects
    .map((object) => `---\n${stringify(object, { aliasDuplicateObjects: false })}`)
    .join('');
  if (!existsSync(path) && process.env['CI'] !== 'true') writeFileSync(path, text);
  const golden = parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as unknown);
  expect(JSON.parse(JSON.stringify(objects))).toEqual(golden);
});

const twoCameras =
  'cameras: [{id: a, node: edge-1, source: {uri: "rtsp://10.0.0.1/a"}}, {id: b, node: edge-1, source: {uri: "http://cam.example/b", secretRef: {name: s}}}]';
const packed = `{packing: PerNode, ${twoCameras}}`;

test('a packed task of one node needs ten objects, and an account that all tasks of its namespace share', () => {
  const kinds = manifests(taskOf(packed)).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(kinds.sort()).toEqual([
    'ConfigMap gate-cloud',
    'ConfigMap gate-edge-edge-1',
    'Deployment gate-cloud',
    'Deployment gate-edge-edge-1',
    'NetworkPolicy gate-cloud',
    'NetworkPolicy gate-edge-edge-1',
    'Role gate-status',
    'RoleBinding gate-status',
    'Service gate-cloud',
    'ServiceAccount gate-status',
    'ServiceAccount multi-edge-inference-stages',
  ]);
});

test('every object is owned by the task and carries its labels, but the account that is shared', () => {
  const [shared, ...owned] = manifests(sampleTask('rtsp'));
  expect([shared!.kind, shared!.metadata.name]).toEqual(['ServiceAccount', 'multi-edge-inference-stages']);
  expect(shared!.metadata.ownerReferences).toBeUndefined();
  for (const { metadata } of owned) {
    expect(metadata.ownerReferences).toEqual([
      {
        apiVersion: 'sedna.io/v1alpha1',
        kind: 'MultiEdgeInference',
        name: 'station',
        uid: '00000000-1111-2222-3333-444444444444',
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    expect(metadata.labels).toMatchObject({
      'multiedgeinference.sedna.io/name': 'station',
      'multiedgeinference.sedna.io/uid': '00000000-1111-2222-3333-444444444444',
    });
  }
});

test('only the status function has a token, and it may write only the status of its task', () => {
  const objects = manifests(taskOf(`{${twoCameras}}`));
  const tokens = [...deployments(objects)].map(([name, { spec }]) => [
    name,
    spec!.template.spec!.serviceAccountName,
    spec!.template.spec!.automountServiceAccountToken,
  ]);
  expect(tokens.sort()).toEqual([
    ['gate-detect-edge-1', 'multi-edge-inference-stages', false],
    ['gate-embed-edge-1', 'multi-edge-inference-stages', false],
    ['gate-ingest-edge-1', 'multi-edge-inference-stages', false],
    ['gate-match', 'multi-edge-inference-stages', false],
    ['gate-status', 'gate-status', true],
  ]);
  expect(named(objects, 'Role', 'gate-status')?.rules).toEqual([
    {
      apiGroups: ['sedna.io'],
      resources: ['multiedgeinferences/status'],
      resourceNames: ['gate'],
      verbs: ['get', 'patch'],
    },
  ]);
});

test('passwords come from Secrets into the worker that pulls the camera, and into no object', () => {
  const objects = manifests(taskOf(`{${twoCameras}}`));
  const variables = (name: string) =>
    pod(objects, name).containers[0]!.env!.filter(({ valueFrom }) => valueFrom);
  expect(variables('gate-ingest-edge-1')).toEqual([
    { name: 'CAMERA_B_USERNAME', valueFrom: { secretKeyRef: { name: 's', key: 'username' } } },
    { name: 'CAMERA_B_PASSWORD', valueFrom: { secretKeyRef: { name: 's', key: 'password' } } },
  ]);
  expect(variables('gate-detect-edge-1')).toEqual([]);
});

test('neighbours alone may send, and a worker reaches only what its stages need', () => {
  const objects = manifests(taskOf(`{${twoCameras}}`));
  const rules = (name: string) =>
    named(objects, 'NetworkPolicy', name)?.spec as { ingress: unknown[]; egress: unknown[] };
  const worker = (name: string) => ({
    podSelector: {
      matchLabels: { 'multiedgeinference.sedna.io/name': 'gate', 'multiedgeinference.sedna.io/worker': name },
    },
  });
  const events = [{ protocol: 'TCP', port: 8080 }];
  const dns = {
    ports: [
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ],
  };
  expect(rules('gate-ingest-edge-1').ingress).toEqual([]);
  expect(rules('gate-detect-edge-1')).toMatchObject({
    ingress: [{ from: [worker('gate-ingest-edge-1')], ports: events }],
    egress: [dns, { to: [worker('gate-embed-edge-1'), worker('gate-status')], ports: events }],
  });
  expect(rules('gate-ingest-edge-1').egress).toContainEqual({
    to: [{ ipBlock: { cidr: '10.0.0.1/32' } }],
    ports: [{ protocol: 'TCP', port: 554 }],
  });
});

/** The list of functions with another scaling of a stage. */
function scaled(stage: StageName, scaling: object) {
  const { functions } = surroundings.functions;
  const changed = { ...functions[stage], scaling: { min: 1, max: 4, concurrency: 16, ...scaling } };
  return {
    ...surroundings,
    functions: { ...surroundings.functions, functions: { ...functions, [stage]: changed } },
  };
}

test('a stage without memory scales by pods, no further than its function can', () => {
  const others = scaled('embed', { shared: undefined });
  const task = taskOf(`{stages: {embed: {replicas: 9}, ingest: {replicas: 3}}, ${twoCameras}}`);
  const { functions } = others;
  const objects = manifestsOf(task, desired(task, others), { functions, installation, stopped: new Set() });
  const replicas = (name: string) => deployments(objects).get(name)?.spec?.replicas;
  expect([replicas('gate-embed-edge-1'), replicas('gate-ingest-edge-1')]).toEqual([4, 1]);
  const budgets = objects.filter(({ kind }) => kind === 'PodDisruptionBudget');
  expect(budgets.map(({ metadata }) => metadata.name)).toEqual(['gate-embed-edge-1']);
});

test.each(['ingest', 'detect', 'embed', 'match', 'status'] as const)(
  '%s remembers from event to event: no Deployment has two pods of it',
  (stage) => {
    const task = taskOf(`{stages: {${stage}: {replicas: 3}}, ${twoCameras}}`);
    const counts = [...deployments(manifests(task)).values()].map(({ spec }) => spec!.replicas);
    expect(counts).toEqual(counts.map(() => 1));
  },
);

describe('match workers that stand by', () => {
  const task = taskOf(`{stages: {match: {replicas: 2}}, retention: {claimName: people}, ${twoCameras}}`);
  const objects = manifests(task);
  const group = {
    'multiedgeinference.sedna.io/name': 'gate',
    'multiedgeinference.sedna.io/worker-type': 'match',
  };

  test('share the store, and so the node', () => {
    for (const name of ['gate-match', 'gate-match2']) {
      const { volumes, affinity, containers } = pod(objects, name);
      expect(volumes).toContainEqual({ name: 'store', persistentVolumeClaim: { claimName: 'people' } });
      expect(containers[0]!.volumeMounts).toContainEqual(
        expect.objectContaining({ name: 'store', subPath: `gate-${task.metadata.uid}` }),
      );
      expect(affinity).toEqual({
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: group } },
          ],
        },
      });
      const { labels } = deployments(objects).get(name)!.spec!.template.metadata!;
      expect(labels).toMatchObject(group);
    }
    expect(pod(manifests(taskOf(`{${twoCameras}}`)), 'gate-match').affinity).toBeUndefined();
  });

  test('are evicted one after the other', () => {
    const budgets = objects.filter(({ kind }) => kind === 'PodDisruptionBudget');
    expect(budgets.map(({ metadata, spec }) => [metadata.name, spec])).toEqual([
      ['gate-match', { maxUnavailable: 1, selector: { matchLabels: group } }],
    ]);
  });

  test('are all reached by those who send', () => {
    const sender = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'gate-embed-edge-1',
    )!;
    const { sinks } = JSON.parse((sender['data'] as Record<string, string>)['worker.json']!) as WorkerConfig;
    expect(sinks[eventTypes.tracklets]).toBe(
      'http://gate-match.default.svc:8080/ http://gate-match2.default.svc:8080/',
    );
    const policy = (name: string) =>
      JSON.stringify(
        objects.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === name)!['spec'],
      );
    expect(policy('gate-embed-edge-1')).toContain('"gate-match2"');
    expect(policy('gate-match2')).toContain('"gate-embed-edge-1"');
    const services = objects.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
    expect(services).toEqual(expect.arrayContaining(['gate-match', 'gate-match2']));
  });
});

test('amounts of the task replace those of serverless.yml, and packed stages add up', () => {
  const stages = 'stages: {detect: {resources: {limits: {cpu: 200m, memory: 1Gi}}}}';
  const own = pod(manifests(taskOf(`{${stages}, ${twoCameras}}`)), 'gate-detect-edge-1');
  expect(own.containers[0]!.resources).toEqual({
    requests: { cpu: '200m', memory: '256Mi' },
    limits: { cpu: '200m', memory: '1Gi' },
  });
  const all = pod(manifests(taskOf(packed)), 'gate-edge-edge-1');
  expect(all.containers[0]!.resources).toEqual({
    requests: { cpu: '1', memory: '576Mi' },
    limits: { cpu: '5', memory: '1792Mi' },
  });
});

test('all pods, and only they, name the logins of a private registry', () => {
  const task = taskOf(`{${twoCameras}}`);
  const of = (imagePullSecrets: string[]) =>
    manifestsOf(task, desired(task, surroundings), {
      functions: surroundings.functions,
      installation: { ...installation, imagePullSecrets },
      stopped: new Set(),
    });
  const specs = [...deployments(of(['registry', 'mirror'])).values()].map(({ spec }) => spec!.template.spec!);
  expect(specs.length).toBeGreaterThan(4);
  for (const { imagePullSecrets } of specs)
    expect(imagePullSecrets).toEqual([{ name: 'registry' }, { name: 'mirror' }]);
  expect(JSON.stringify(of([]))).not.toContain('imagePullSecrets');
});

test('edge workers stay on the node of their cameras, and cloud workers go anywhere', () => {
  const objects = manifests(taskOf(packed));
  expect(pod(objects, 'gate-edge-edge-1').affinity?.nodeAffinity).toEqual({
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['edge-1'] }] }],
    },
  });
  expect(pod(objects, 'gate-cloud').affinity).toBeUndefined();
  expect(pod(objects, 'gate-cloud').tolerations).toEqual([]);
});

test('query pictures of Secrets and ConfigMaps are files for the worker that matches', () => {
  const task = sampleTask('targets');
  const match = desired(task, surroundings).workers.find(({ config }) => config.stages.includes('match'))!;
  expect(match.config.match.targets.map(({ images }) => images)).toEqual([
    ['/etc/multi-edge-inference-targets/lost-child/0', '/etc/multi-edge-inference-targets/lost-child/1'],
    ['/etc/multi-edge-inference-targets/colleague/0', 'https://pictures.example/colleague.jpg'],
  ]);
  const volume = pod(manifests(task), 'find-them-match').volumes!.find(({ name }) => name === 'targets');
  const paths = volume?.projected?.sources?.map(({ secret, configMap }) => (secret ?? configMap)?.items?.[0]);
  expect(paths).toEqual([
    { key: 'front.jpg', path: 'lost-child/0' },
    { key: 'back.jpg', path: 'lost-child/1' },
    { key: 'portrait.png', path: 'colleague/0' },
  ]);
});

test('recordings are mounted read-only, and only out of folders that the installation opens', () => {
  const spec = pod(manifests(sampleTask('history')), 'yesterday-evening-ingest-edge-1');
  expect(spec.volumes).toContainEqual({
    name: 'files-0',
    hostPath: { path: '/var/lib/recordings', type: 'DirectoryOrCreate' },
  });
  expect(spec.containers[0]!.volumeMounts).toContainEqual({
    name: 'files-0',
    mountPath: '/var/lib/recordings',
    readOnly: true,
  });
  const detect = pod(manifests(sampleTask('history')), 'yesterday-evening-detect-edge-1');
  expect(JSON.stringify(detect.volumes)).not.toContain('hostPath');
});

test.each([
  ['/var/lib/recordings/a.mp4', true],
  ['file:///var/lib/recordings/a.mp4', true],
  ['/var/lib/recordings/../kubelet/pods/a', false],
  ['file:///var/lib/recordings/%2e%2e/kubelet/a', false],
  ['/var/lib/recordings-of-others/a.mp4', false],
  ['/etc/shadow', false],
  ['samples/left.mp4', false],
])('file %s may be read: %s', (uri, isAllowed) => {
  const task = taskOf(`{cameras: [{id: a, source: {uri: '${uri}'}}]}`);
  const problems = forbiddenFiles(task, installation.fileFolders);
  expect(problems).toEqual(isAllowed ? [] : [expect.stringMatching(/^camera a: .*move the file/)]);
});

test('stopped placements have no pods, and keep everything else', () => {
  const objects = manifests(taskOf(`{${twoCameras}}`), ['edge']);
  const replicas = [...deployments(objects)].map(([name, { spec }]) => [name, spec!.replicas]);
  expect(Object.fromEntries(replicas)).toEqual({
    'gate-ingest-edge-1': 0,
    'gate-detect-edge-1': 0,
    'gate-embed-edge-1': 0,
    'gate-match': 1,
    'gate-status': 1,
  });
  expect(objects.length).toBe(manifests(taskOf(`{${twoCameras}}`)).length);
});

describe('a store on a server', () => {
  const spec = `{stages: {match: {replicas: 2}}, retention: {storeRef: {name: people-store, port: 6432}}, ${twoCameras}}`;
  const objects = manifests(taskOf(spec));

  test('is told to the match workers alone, as a file that follows the Secret', () => {
    const told = [...deployments(objects)].flatMap(([name, { spec: { template } = {} as never }]) => {
      const { volumes = [], containers } = template.spec!;
      const secret = volumes.find((volume) => volume.name === 'store-address')?.secret;
      const mount = containers[0]!.volumeMounts!.find((each) => each.name === 'store-address');
      const variable = containers[0]!.env!.find((each) => each.name === 'STORE_URL_FILE');
      return secret ? [[name, secret, mount, variable]] : variable ? [[name, variable]] : [];
    });
    const secret = {
      secretName: 'people-store',
      defaultMode: 0o440,
      items: [{ key: 'uri', path: 'address' }],
    };
    const mount = { name: 'store-address', mountPath: '/etc/multi-edge-inference-store', readOnly: true };
    const variable = { name: 'STORE_URL_FILE', value: '/etc/multi-edge-inference-store/address' };
    expect(told).toEqual([
      ['gate-match2', secret, mount, variable],
      ['gate-match', secret, mount, variable],
    ]);
    expect(JSON.stringify(objects)).not.toContain('persistentVolumeClaim');
  });

  test('can be reached by them, and lets them be on different nodes', () => {
    const isStore = ({ ports }: { ports?: { port?: number }[] }) => ports?.some(({ port }) => port === 6432);
    const reaching = objects.filter(
      ({ kind, spec: policy }) =>
        kind === 'NetworkPolicy' && (policy as { egress: { ports?: [] }[] }).egress.some(isStore),
    );
    expect(reaching.map(({ metadata }) => metadata.name)).toEqual(['gate-match2', 'gate-match']);
    expect(pod(objects, 'gate-match2').affinity).toEqual({
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: expect.objectContaining({ topologyKey: 'kubernetes.io/hostname' }),
          },
        ],
      },
    });
  });

  test('is one place of two, and may have a name', () => {
    expect(() => taskOf(`{retention: {claimName: a, storeRef: {name: b}}, ${twoCameras}}`)).toThrow(
      /remove claimName or storeRef/,
    );
    const named = manifests(taskOf(`{retention: {storeName: all, storeRef: {name: b}}, ${twoCameras}}`));
    expect(pod(named, 'gate-match').containers[0]!.env).toContainEqual({ name: 'STORE_NAME', value: 'all' });
  });
});

test('a claim keeps what match knows, for this very task; all else stays with the pods', () => {
  const objects = manifests(taskOf(`{retention: {claimName: people}, ${twoCameras}}`));
  const claims = [...deployments(objects)].flatMap(([name, { spec }]) => {
    const { volumes = [], containers } = spec!.template.spec!;
    return volumes
      .filter(({ persistentVolumeClaim }) => persistentVolumeClaim)
      .map((volume) => [
        name,
        volume,
        containers[0]!.volumeMounts!.find((mount) => mount.name === volume.name),
      ]);
  });
  expect(claims).toEqual([
    [
      'gate-match',
      { name: 'store', persistentVolumeClaim: { claimName: 'people' } },
      {
        name: 'store',
        mountPath: '/var/lib/multi-edge-inference',
        subPath: 'gate-00000000-1111-2222-3333-444444444444',
      },
    ],
  ]);
});

test('tasks that name a store of a claim go on with what others left there', () => {
  const mounts = pod(
    manifests(taskOf(`{retention: {claimName: people, storeName: shop}, ${twoCameras}}`)),
    'gate-match',
  ).containers[0]!.volumeMounts;
  expect(mounts).toContainEqual(expect.objectContaining({ name: 'store', subPath: 'named/shop' }));
});

const templates = (task: Task) =>
  new Map(
    [...deployments(manifests(task))].map(([name, { spec }]) => [name, JSON.stringify(spec!.template)]),
  );
const third = '{id: c, node: edge-1, source: {uri: "rtsp://192.0.2.1/c"}}';

test.each<[string, string, string[]]>([
  ['thresholds of detect', `stages: {detect: {params: {highScore: 0.7}}}, ${twoCameras}`, []],
  ['the interval of embed', `stages: {embed: {params: {intervalS: 2}}}, ${twoCameras}`, []],
  ['matching', `matching: {threshold: 0.7, margin: 0.1, votes: 3}, ${twoCameras}`, []],
  ['one more camera on the node', twoCameras.replace('cameras: [', `cameras: [${third}, `), []],
  [
    'the model of detect',
    `stages: {detect: {modelRef: {name: rtmdet-nano-person-480x640}}}, ${twoCameras}`,
    ['gate-detect-edge-1'],
  ],
])('%s: only pods that cannot take it over while they run are replaced', (_, spec, replaced) => {
  const before = templates(taskOf(`{${twoCameras}}`));
  const edited = taskOf(`{${spec}}`);
  const after = templates({ ...edited, metadata: { ...edited.metadata, generation: 2 } });
  expect([...after.keys()]).toEqual([...before.keys()]);
  const changed = [...after].filter(([name, text]) => before.get(name) !== text).map(([name]) => name);
  expect(changed).toEqual(replaced);
});

test('with local controllers workers know the one of their node, and may reach it', () => {
  const withLocal = (task: Task) =>
    manifestsOf(task, desired(task, surroundings), {
      functions: surroundings.functions,
      installation: { ...installation, localControllerPort: 9100 },
      stopped: new Set(),
    });
  const task = taskOf(`{${twoCameras}}`);
  for (const [name, { spec }] of deployments(withLocal(task))) {
    const { env = [] } = spec!.template.spec!.containers[0]!;
    const names = env.map((each) => each.name);
    expect(env).toContainEqual({ name: 'MEI_LC_URL', value: 'http://$(HOST_IP):9100' });
    expect(env).toContainEqual({ name: 'HOST_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } });
    // A variable is only put into those that come after it.
    expect(names.indexOf('HOST_IP')).toBeLessThan(names.indexOf('MEI_LC_URL'));
    const policy = named(withLocal(task), 'NetworkPolicy', name)!['spec'] as { egress: object[] };
    expect(policy.egress).toContainEqual({ ports: [{ protocol: 'TCP', port: 9100 }] });
  }
  // Who hands on reports reaches the status function, and nothing else.
  const reached = [...deployments(withLocal(task)).keys()].filter((name) =>
    JSON.stringify(named(withLocal(task), 'NetworkPolicy', name)!['spec']).includes('local-controller'),
  );
  expect(reached).toEqual(['gate-status']);
  expect(JSON.stringify(manifests(task))).not.toMatch(/9100|MEI_LC_URL|local-controller/);
});

test('pods satisfy the restricted Pod Security Standard', () => {
  for (const { spec } of deployments(manifests(sampleTask('rtsp'))).values()) {
    const { securityContext, containers, volumes, hostNetwork } = spec!.template.spec!;
    expect(hostNetwork).toBeUndefined();
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(containers[0]!.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    for (const volume of volumes!)
      expect(Object.keys(volume).find((key) => key !== 'name')).toMatch(
        /^(configMap|emptyDir|projected|secret)$/,
      );
  }
});
