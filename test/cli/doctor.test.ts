// `mei doctor`: what it finds on this machine, and what it makes of what a cluster or a node may have.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { portFinding, tokenFinding } from '../../cli/doctor/edge.ts';
import {
  agentsFinding,
  controllerFinding,
  definitionFinding,
  leaseFinding,
  nodesFinding,
  tasksFinding,
} from '../../cli/doctor/judgements.ts';
import { coresFinding, freeFinding, memoryFinding, nodeFinding } from '../../cli/doctor/machine.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';

const folder = mkdtempSync(join(tmpdir(), 'mei-doctor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function doctor(args: string[], env: Record<string, string> = {}) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'cli/mei.ts', 'doctor', ...args],
    { encoding: 'utf8', env: { ...process.env, ...env } },
  );
  return { stdout, stderr, status };
}

const lines = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { check: string; state: string; found: string; mend?: string });

describe('this machine', () => {
  test('can run tasks, as the other tests do', () => {
    const { stdout, stderr, status } = doctor(['--json']);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const checks = lines(stdout);
    expect(checks.filter(({ check, state }) => check.startsWith('package') && state === 'ok')).toHaveLength(
      4,
    );
    expect(checks.filter(({ state }) => state === 'fail')).toEqual([]);
  });

  test('a model whose file is another is told, with what to do', () => {
    const rows = parse(readFileSync('config/models.yaml', 'utf8')) as {
      models: { name: string; uri: string }[];
    };
    const row = rows.models.find(({ name }) => name === 'mei-embed-s2')!;
    writeFileSync(join(folder, 'wrong.onnx'), 'no model');
    const own = { models: [{ ...row, uri: join(folder, 'wrong.onnx') }] };
    writeFileSync(join(folder, 'models.yaml'), JSON.stringify(own));
    const { stdout, status } = doctor(['--json'], { MEI_MODELS_FILE: join(folder, 'models.yaml') });
    const found = lines(stdout).find(({ check }) => check === 'model mei-embed-s2');
    expect(found).toMatchObject({
      state: 'fail',
      mend: expect.stringContaining('mei models pull'),
    });
    expect(status).toBe(1);
  });

  test.each([
    ['an old Node', nodeFinding('18.20.0'), 'fail'],
    ['a Node of the first year', nodeFinding('20.10.1'), 'fail'],
    ['the oldest Node', nodeFinding('20.11.0'), 'ok'],
    ['a newer Node', nodeFinding('24.0.0'), 'ok'],
    ['one core', coresFinding(1), 'warn'],
    ['half a gigabyte of memory', memoryFinding(512 * 2 ** 20), 'warn'],
    ['a full disk', freeFinding('/x', 1000), 'fail'],
    ['an almost full disk', freeFinding('/x', 2 ** 30), 'warn'],
    ['an empty disk', freeFinding('/x', 2 ** 40), 'ok'],
  ])('%s', (_what, { state, mend }, wanted) => {
    expect(state).toBe(wanted);
    if (state !== 'ok') expect(mend).toBeTruthy();
  });
});

describe('an edge node', () => {
  async function serving(body: string): Promise<{ server: Server; port: number }> {
    const server = createServer((_request, response) => response.end(body)).listen(0, '0.0.0.0');
    await once(server, 'listening');
    return { server, port: (server.address() as AddressInfo).port };
  }

  test.each([
    ['a local controller that is connected', 'mei_lc_connected 1\n', 'ok', /is connected/],
    ['a local controller that is not', 'mei_lc_connected 0\n', 'fail', /is not connected/],
    ['another program', 'hello', 'fail', /another program/],
  ])('its port is taken by %s', async (_what, body, state, found) => {
    const { server, port } = await serving(body);
    const finding = await portFinding(port);
    server.close();
    server.closeAllConnections();
    expect(finding).toMatchObject({ state, found: expect.stringMatching(found) });
    expect((await portFinding(port)).state).toBe('ok');
  });

  test('its token must be there, and be read by nobody else', async () => {
    const path = join(folder, 'token');
    const user = process.getuid!();
    expect(await tokenFinding(path, user)).toMatchObject({ state: 'fail' });
    writeFileSync(path, 'x');
    chmodSync(path, 0o644);
    expect((await tokenFinding(path, user)).mend).toBe(`chmod 0400 ${path}`);
    chmodSync(path, 0o400);
    expect((await tokenFinding(path, user)).state).toBe('ok');
    expect((await tokenFinding(path, user + 1)).mend).toBe(`chown ${user + 1}:${user + 1} ${path}`);
  });
});

describe('a cluster', () => {
  const object = (fields: object) => ({ metadata: { name: 'x', namespace: 'y' }, ...fields }) as Manifest;
  const crd = () =>
    parse(readFileSync('config/crd/multiedgeinferences.yaml', 'utf8')) as Manifest & {
      spec: {
        versions: { served: boolean; schema: { openAPIV3Schema: { properties: Record<string, unknown> } } }[];
      };
    };
  const established = { status: { conditions: [{ type: 'Established', status: 'True' }] } };
  const older = crd();
  delete older.spec.versions[0]!.schema.openAPIV3Schema.properties['status'];
  const other = crd();
  other.spec.versions[0]!.served = false;
  const lease = (ageS: number, holderIdentity = 'a') =>
    object({
      spec: {
        holderIdentity,
        renewTime: new Date(1e12 - ageS * 1000).toISOString(),
        leaseDurationSeconds: 15,
      },
    });
  const node = (ready: string, labels = {}) => ({
    ...object({ status: { conditions: [{ type: 'Ready', status: ready }] } }),
    metadata: { name: 'n', namespace: '', labels },
  });
  const edge = { 'node-role.kubernetes.io/edge': '' };
  const agents = (wanted: number, ready: number) =>
    object({ status: { desiredNumberScheduled: wanted, numberReady: ready } });
  const task = (type: string, status: string) =>
    object({ status: { conditions: [{ type, status, message: 'why' }] } });
  const failed = object({ status: { phase: 'Failed' } });

  test.each([
    ['without the definition', definitionFinding(undefined), 'fail'],
    ['with the definition', definitionFinding({ ...crd(), ...established }), 'ok'],
    ['with one of another version', definitionFinding({ ...older, ...established }), 'warn'],
    ['with one that is not served', definitionFinding({ ...other, ...established }), 'fail'],
    ['with one that is not accepted', definitionFinding(crd()), 'fail'],
    ['without a controller', controllerFinding(undefined, 'm'), 'fail'],
    ['with a stopped controller', controllerFinding(object({ spec: { replicas: 2 } }), 'm'), 'fail'],
    [
      'with half a controller',
      controllerFinding(object({ spec: { replicas: 2 }, status: { availableReplicas: 1 } }), 'm'),
      'warn',
    ],
    [
      'with controllers',
      controllerFinding(object({ spec: { replicas: 2 }, status: { availableReplicas: 2 } }), 'm'),
      'ok',
    ],
    ['without a lease', leaseFinding(undefined, 1e12), 'fail'],
    ['with a lease that ran out', leaseFinding(lease(60), 1e12), 'fail'],
    ['with a lease given back', leaseFinding(lease(1, ''), 1e12), 'fail'],
    ['with a lease', leaseFinding(lease(3), 1e12), 'ok'],
    ['without edge nodes', nodesFinding([node('True')]), 'warn'],
    ['with an edge node that is away', nodesFinding([node('Unknown', edge), node('True', edge)]), 'warn'],
    ['with edge nodes', nodesFinding([node('True', edge)]), 'ok'],
    ['without local controllers', agentsFinding(undefined), 'skip'],
    ['with local controllers nowhere', agentsFinding(agents(0, 0)), 'warn'],
    ['with one that does not start', agentsFinding(agents(2, 1)), 'fail'],
    ['with local controllers', agentsFinding(agents(2, 2)), 'ok'],
    ['without tasks', tasksFinding([]), 'ok'],
    ['with a task in trouble', tasksFinding([task('Degraded', 'True')]), 'fail'],
    ['with a task that could not start', tasksFinding([failed]), 'fail'],
    ['with a task that a node lacks', tasksFinding([task('EdgesSynced', 'False')]), 'warn'],
    ['with a task', tasksFinding([task('Degraded', 'False')]), 'ok'],
  ])('%s', (_what, { state, found, mend }, wanted) => {
    expect([state, found]).toEqual([wanted, expect.any(String)]);
    if (state === 'fail' || state === 'warn') expect(mend).toBeTruthy();
  });

  test('that cannot be reached is told, and everything else fails with the reason', () => {
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
        users: [{ name: 'u', user: { token: 'x' } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    const { stdout, status } = doctor(['--cluster', '--json'], { KUBECONFIG: kubeconfig });
    expect(status).toBe(1);
    const [server] = lines(stdout);
    expect(server).toMatchObject({ check: 'API server', state: 'fail' });
    expect(server!.found).toMatch(/ECONNREFUSED/);
    expect(server!.mend).toMatch(/kubectl config get-contexts/);
  });
});
