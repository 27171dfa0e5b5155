// `mei doctor --cluster` on a real API server: before the install, with it, with tasks in trouble, and as somebody with few rights.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, jest, test } from '@jest/globals';
import { manifestsYaml } from '../../config/manifests.ts';
import { ControllerProcesses, type ControllerProcess } from '../controller/controllerProcesses.ts';
import { conditionOf, createTask, eventually, readTask } from '../controller/liveController.ts';
import { onCluster } from '../support/cluster/onCluster.ts';

jest.setTimeout(180_000);

interface Line {
  check: string;
  state: string;
  found: string;
  mend?: string;
}

const namespace = 'multi-edge-inference';
const nodes = [{ name: 'edge-1', labels: { 'node-role.kubernetes.io/edge': '' } }, { name: 'cloud-1' }];
const cameraOn = (node: string, more = '') =>
  `{packing: PerNode, cameras: [{id: a, node: ${node}, source: {uri: "rtsp://192.0.2.1/a"}}]${more}}`;

onCluster('mei doctor of a cluster', { controllers: true, kwokNodes: nodes }, (cluster) => {
  let processes: ControllerProcesses | undefined;
  let controller: ControllerProcess;
  afterAll(() => processes?.end());

  function doctor(kubeconfig: string) {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', 'cli/mei.ts', 'doctor', '--cluster', '--json'],
      { encoding: 'utf8', env: { ...process.env, KUBECONFIG: kubeconfig }, timeout: 60_000 },
    );
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const of = (check: string) => lines.find((line) => line.check === check)!;
    return {
      stderr,
      status,
      of,
      states: Object.fromEntries(lines.map(({ check, state }) => [check, state])),
    };
  }

  test('before the install it says what is missing, and how to install it', () => {
    const { status, states, of } = doctor(cluster().kubeconfigPath);
    expect(states).toEqual({
      'API server': 'ok',
      'your rights': 'ok',
      'definition of tasks': 'fail',
      controller: 'fail',
      'lease of the controller': 'fail',
      nodes: 'ok',
      'local controllers': 'skip',
      tasks: 'skip',
    });
    expect(of('definition of tasks').mend).toContain('npm run --silent manifests');
    expect(status).toBe(1);
  });

  test('with the install and a task that runs, nothing is left to mend', async () => {
    const { kubectl } = cluster();
    await kubectl(['apply', '--server-side', '-f', '-'], manifestsYaml('plain'));
    await kubectl(['wait', '--for=condition=Established', '--timeout=50s', 'crd', '--all']);
    // KWOK plays the pods of the Deployment; the program itself runs here, with their account.
    await kubectl([
      '-n',
      namespace,
      'wait',
      '--for=condition=Available',
      'deployment/controller',
      '--timeout=60s',
    ]);
    const token = (await kubectl(['-n', namespace, 'create', 'token', 'controller', '--duration=1h'])).trim();
    processes = new ControllerProcesses(cluster(), token);
    controller = processes.start('one');
    await controller.leading;
    await createTask(cluster(), 'hall', cameraOn('edge-1'));
    await eventually(
      () => readTask(cluster(), 'hall'),
      ({ status }) => status?.phase === 'Running',
    );
    const { stderr, status, states, of } = doctor(cluster().kubeconfigPath);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const { 'local controllers': agents, ...others } = states;
    expect(agents).toBe('skip');
    expect(new Set(Object.values(others))).toEqual(new Set(['ok']));
    expect(of('lease of the controller').found).toBe('one works');
    expect(of('tasks').found).toBe('1, none in trouble');
  });

  test('tasks in trouble are named with the reason, those that could not start too', async () => {
    await createTask(cluster(), 'nowhere', cameraOn('no-such-node'));
    await createTask(
      cluster(),
      'unknown',
      cameraOn('edge-1', ', stages: {detect: {modelRef: {name: nobody-knows}}}'),
    );
    await eventually(
      () => readTask(cluster(), 'nowhere'),
      (task) => conditionOf(task, 'Degraded').startsWith('True/Unschedulable'),
    );
    await eventually(
      () => readTask(cluster(), 'unknown'),
      ({ status }) => status?.phase === 'Failed',
    );
    const { status, of } = doctor(cluster().kubeconfigPath);
    expect(status).toBe(1);
    const { state, found, mend } = of('tasks');
    expect(state).toBe('fail');
    expect(found).toMatch(/^2 of 3 in trouble: /);
    expect(found).toMatch(/default\/nowhere \(worker nowhere-edge-[^)]*no-such-node/);
    expect(found).toMatch(/default\/unknown \([^)]*nobody-knows/);
    expect(found).not.toContain('default/hall');
    expect(mend).toMatch(/^kubectl -n default describe mei (nowhere|unknown)$/);
  });

  test('somebody with few rights hears which he lacks, and nothing that he may not look at', async () => {
    const { kubectl, kubeconfigPath } = cluster();
    await kubectl(['create', 'serviceaccount', 'visitor']);
    await kubectl([
      'create',
      'rolebinding',
      'visitor',
      '--clusterrole=view',
      '--serviceaccount=default:visitor',
    ]);
    const token = (await kubectl(['create', 'token', 'visitor'])).trim();
    const own = join(cluster().folder, 'visitor.kubeconfig');
    const config = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as { users: { user: object }[] };
    config.users[0]!.user = { token };
    writeFileSync(own, JSON.stringify(config), { mode: 0o600 });
    const { status, states, of } = doctor(own);
    expect(of('your rights').found).toBe('in namespace default you may not create multiedgeinferences');
    expect(states).toMatchObject({ 'API server': 'ok', controller: 'skip', nodes: 'skip', tasks: 'skip' });
    expect(status).toBe(0);
  });

  test('a controller that has died is noticed by its lease, whatever its Deployment says', async () => {
    const { kubectl } = cluster();
    controller.child.kill('SIGKILL');
    await controller.ended;
    const lease = [
      '-n',
      namespace,
      'patch',
      'lease',
      'multi-edge-inference-controller',
      '--type=merge',
      '-p',
    ];
    const renewTime = new Date(Date.now() - 60_000).toISOString().replace('Z', '000Z');
    await kubectl([...lease, JSON.stringify({ spec: { renewTime } })]);
    const { status, of } = doctor(cluster().kubeconfigPath);
    expect(of('controller').state).toBe('ok');
    expect(of('lease of the controller')).toMatchObject({
      state: 'fail',
      found: expect.stringMatching(/^no controller works: it was last renewed 6\d s ago$/),
      mend: expect.stringContaining('kubectl -n multi-edge-inference logs'),
    });
    expect(status).toBe(1);
  });
});
