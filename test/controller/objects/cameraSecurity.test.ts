// What a cluster gives to a worker of cameras that push or prove themselves, and to nobody else.
import type { V1Deployment } from '@kubernetes/client-node';
import { expect, test } from '@jest/globals';
import { desired } from '../../../controller/desired.ts';
import { manifestsOf } from '../../../controller/manifests.ts';
import { pushWithoutToken } from '../../../controller/objects/credentials.ts';
import { usualReach, type Manifest, type Reach } from '../../../controller/objects/manifest.ts';
import { readSettings } from '../../../controller/settings.ts';
import { installation, surroundings, taskOf } from '../sampleTasks.ts';

const cameras = `[
  {id: door, source: {push: {tokenRef: {name: tokens, key: door}, origins: [events.example]}}},
  {id: yard, source: {uri: 'rtsps://10.1.2.3/a', tls: {caRef: {name: authority}, serverName: yard.example}}},
  {id: gate-2, source: {uri: 'https://gate.example/a'}}]`;

function objectsOf(spec: string, reach: Partial<Reach> = {}): Manifest[] {
  const task = taskOf(spec);
  const { functions } = surroundings;
  const options = {
    functions,
    installation: { ...installation, reach: { ...usualReach, ...reach } },
    stopped: new Set<never>(),
  };
  return manifestsOf(task, desired(task, surroundings), options);
}

function named<T>(objects: Manifest[], kind: string, name: string): T {
  return objects.find((object) => object.kind === kind && object.metadata.name === name) as unknown as T;
}

function podOf(objects: Manifest[], name: string) {
  return named<V1Deployment>(objects, 'Deployment', name).spec!.template.spec!;
}

const policyOf = (objects: Manifest[], name: string) =>
  named<{ spec: { ingress: object[]; egress: object[] } }>(objects, 'NetworkPolicy', name).spec;

test('tokens and certificates are files of the ingest worker alone, and follow their Secrets', () => {
  const objects = objectsOf(`{cameras: ${cameras}}`);
  const { volumes, containers } = podOf(objects, 'gate-ingest');
  expect(volumes!.find(({ name }) => name === 'cameras')!.projected).toEqual({
    defaultMode: 0o440,
    sources: [
      { secret: { name: 'tokens', items: [{ key: 'door', path: 'door/token' }], optional: true } },
      { secret: { name: 'authority', items: [{ key: 'ca.crt', path: 'yard/ca.crt' }], optional: true } },
    ],
  });
  const [worker] = containers;
  expect(worker!.volumeMounts!.find(({ name }) => name === 'cameras')).toMatchObject({
    mountPath: '/etc/multi-edge-inference-cameras',
    readOnly: true,
  });
  expect(worker!.env).toEqual(
    expect.arrayContaining([
      { name: 'CAMERA_DOOR_TOKEN_FILE', value: '/etc/multi-edge-inference-cameras/door/token' },
      { name: 'CAMERA_YARD_CA_FILE', value: '/etc/multi-edge-inference-cameras/yard/ca.crt' },
    ]),
  );
  for (const stage of ['detect', 'embed', 'match', 'status'])
    expect(JSON.stringify(podOf(objects, `gate-${stage}`))).not.toMatch(/tokens|authority|CAMERA_/);
});

test('no secret stands in the configuration of a worker, only names of variables', () => {
  const { data } = named<{ data: Record<string, string> }>(
    objectsOf(`{cameras: ${cameras}}`),
    'ConfigMap',
    'gate-ingest',
  );
  const { cameras: configured } = JSON.parse(data['worker.json']!) as { cameras: { source: object }[] };
  expect(configured.map(({ source }) => source)).toEqual([
    {
      type: 'Push',
      realtime: false,
      transport: 'TCP',
      push: { tokenFileEnv: 'CAMERA_DOOR_TOKEN_FILE', picturesPerSecond: 30, origins: ['events.example'] },
    },
    {
      type: 'RTSP',
      uri: 'rtsps://10.1.2.3/a',
      realtime: false,
      transport: 'TCP',
      tls: { verification: 'Full', caFileEnv: 'CAMERA_YARD_CA_FILE', serverName: 'yard.example' },
    },
    { type: 'HTTP', uri: 'https://gate.example/a', realtime: false, transport: 'TCP' },
  ]);
});

test('a camera that pushes without a token is refused, by its name', () => {
  expect(pushWithoutToken(taskOf(`{cameras: ${cameras}}`))).toEqual([]);
  expect(
    pushWithoutToken(
      taskOf(
        '{cameras: [{id: a, source: {}}, {id: b, source: {type: Push, push: {}}}, {id: c, source: {uri: x}}]}',
      ),
    ),
  ).toEqual([
    expect.stringMatching(/^camera a: .*source\.push\.tokenRef$/),
    expect.stringMatching(/^camera b: /),
  ]);
});

test('only ingest hears cameras that push: from everywhere, or from the networks of cameras', () => {
  const spec = `{cameras: ${cameras}}`;
  const events = [{ protocol: 'TCP', port: 8080 }];
  expect(policyOf(objectsOf(spec), 'gate-ingest').ingress).toEqual([{ ports: events }]);
  const limited = objectsOf(spec, { MEI_CAMERA_NETWORKS: '10.1.0.0/16,fd00:7::/64' });
  expect(policyOf(limited, 'gate-ingest').ingress).toEqual([
    { ports: events, from: [{ ipBlock: { cidr: '10.1.0.0/16' } }, { ipBlock: { cidr: 'fd00:7::/64' } }] },
  ]);
  for (const stage of ['detect', 'embed', 'match', 'status'])
    expect(JSON.stringify(policyOf(limited, `gate-${stage}`).ingress)).not.toContain('ipBlock');
});

test('policies and workers let out to the same addresses', () => {
  const own = `{name: mine, uri: 'https://models.example/m.onnx', sha256: ${'a'.repeat(64)}, input: {width: 640, height: 480}}`;
  const spec = `{cameras: ${cameras}, stages: {detect: {modelRef: ${own}}}}`;
  const everywhere = policyOf(objectsOf(spec), 'gate-detect').egress;
  expect(everywhere).toContainEqual({
    ports: [{ protocol: 'TCP', port: 443 }],
    to: [
      {
        ipBlock: {
          cidr: '0.0.0.0/0',
          except: ['169.254.0.0/16', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'],
        },
      },
      { ipBlock: { cidr: '::/0', except: ['fe80::/10', 'fd00:ec2::254/128', 'fc00::/7'] } },
    ],
  });
  const reach = { MEI_DOWNLOAD_NETWORKS: '10.9.0.0/16', MEI_DOWNLOAD_HOSTS: 'models.example' };
  const objects = objectsOf(spec, reach);
  expect(policyOf(objects, 'gate-detect').egress).toContainEqual({
    ports: [{ protocol: 'TCP', port: 443 }],
    to: [{ ipBlock: { cidr: '10.9.0.0/16' } }],
  });
  const { env } = podOf(objects, 'gate-detect').containers[0]!;
  for (const [name, value] of Object.entries(reach)) expect(env).toContainEqual({ name, value });
});

test('the controller takes the networks of the installation from its environment, checked', () => {
  const read = (env: NodeJS.ProcessEnv) => readSettings(env, 'image', 'me').installation.reach;
  expect(read({})).toEqual(usualReach);
  expect(read({ MEI_CAMERA_NETWORKS: '10.0.0.0/8' })).toEqual({
    ...usualReach,
    MEI_CAMERA_NETWORKS: '10.0.0.0/8',
  });
  expect(() => read({ MEI_DOWNLOAD_NETWORKS: 'internet', MEI_CAMERA_NETWORKS: '10/8' })).toThrow(
    /MEI_CAMERA_NETWORKS: "10\/8"(.|\n)*MEI_DOWNLOAD_NETWORKS: "internet"/,
  );
});
