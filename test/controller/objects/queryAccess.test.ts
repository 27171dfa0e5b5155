// The tokens of people who may ask about people: which pods get the file, and that the worker reads it where and as a kubelet
// lays it down.
import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { V1Deployment, V1PodSpec } from '@kubernetes/client-node';
import { desired } from '../../../controller/desired.ts';
import { manifestsOf } from '../../../controller/manifests.ts';
import { compileProgram, type Program } from '../../faults/program.ts';
import { workerConfig } from '../../functions/host/support.ts';
import { eventually } from '../liveController.ts';
import { installation, surroundings, taskOf } from '../sampleTasks.ts';

const cameras = 'cameras: [{id: a, node: edge-1, source: {uri: "rtsp://10.0.0.1/a"}}]';
const access = 'access: {tokensRef: {name: people, key: askers}}';

function podsOf(spec: string): Map<string, V1PodSpec> {
  const task = taskOf(spec);
  const { functions } = surroundings;
  const objects = manifestsOf(task, desired(task, surroundings), {
    functions,
    installation,
    stopped: new Set(),
  });
  const deployments = objects.filter(({ kind }) => kind === 'Deployment') as unknown as V1Deployment[];
  return new Map(
    deployments.map(({ metadata, spec: { template } = {} as never }) => [metadata!.name!, template.spec!]),
  );
}

const mountOf = ({ volumes = [], containers: [container] }: V1PodSpec) => ({
  volume: volumes.find(({ secret }) => secret?.secretName === 'people'),
  mount: container!.volumeMounts!.find(({ name }) => name === 'access'),
  variable: container!.env!.find(({ name }) => name === 'MEI_QUERY_TOKENS_FILE')?.value,
});

test.each([
  ['PerStage', ['gate-match']],
  ['PerNode', ['gate-cloud']],
])('packed %s, %s alone gets the Secret that the task names, as a file', (packing, wanted) => {
  const pods = podsOf(`{packing: ${packing}, ${cameras}, ${access}}`);
  expect(pods.size).toBeGreaterThan(1);
  const having = [...pods].filter(([, pod]) => JSON.stringify(pod).includes('people'));
  expect(having.map(([name]) => name)).toEqual(wanted);
  expect(mountOf(having[0]![1])).toEqual({
    volume: {
      name: 'access',
      secret: {
        secretName: 'people',
        optional: true,
        defaultMode: 0o440,
        items: [{ key: 'askers', path: 'tokens' }],
      },
    },
    mount: { name: 'access', mountPath: '/etc/multi-edge-inference-access', readOnly: true },
    variable: '/etc/multi-edge-inference-access/tokens',
  });
});

test('a task that names no Secret mounts none', () => {
  for (const pod of podsOf(`{${cameras}}`).values())
    expect(mountOf(pod)).toEqual({ volume: undefined, mount: undefined, variable: undefined });
});

let program: Program;
let folder: string;
let child: ChildProcess;
let url: string;

beforeAll(() => {
  program = compileProgram();
  folder = mkdtempSync(join(tmpdir(), 'mei-query-access-'));
}, 60_000);
afterAll(() => {
  child?.kill('SIGKILL');
  program.remove();
  rmSync(folder, { recursive: true, force: true });
});

const mounted = () => join(folder, 'access');
let version = 0;

/** As the kubelet does: a folder of each version, and one link that is replaced. */
function lay(text: string | undefined): void {
  mkdirSync(join(mounted(), `..v${++version}`), { recursive: true });
  if (text !== undefined) writeFileSync(join(mounted(), `..v${version}`, 'tokens'), text);
  symlinkSync(`..v${version}`, join(mounted(), '..new'));
  renameSync(join(mounted(), '..new'), join(mounted(), '..data'));
  if (version === 1) symlinkSync('..data/tokens', join(mounted(), 'tokens'));
}

async function start(): Promise<void> {
  const configPath = join(folder, 'worker.json');
  const config = workerConfig(['match'], { storeFolder: join(folder, 'store') });
  writeFileSync(configPath, JSON.stringify(config));
  const pod = podsOf(`{${cameras}, ${access}}`).get('gate-match')!;
  const { mountPath } = mountOf(pod).mount!;
  child = fork(program.host, {
    execArgv: [],
    env: {
      PATH: process.env['PATH'],
      MEI_WORKER_CONFIG: configPath,
      // What the pod has, below the folder of this test.
      MEI_QUERY_TOKENS_FILE: mountOf(pod).variable!.replace(mountPath, mounted()),
      PORT: '0',
      MEI_PARENT_IPC: '1',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  url = await new Promise((resolve, reject) => {
    child.on('message', ({ port }: { port?: number }) => port && resolve(`http://127.0.0.1:${port}/`));
    child.once('exit', () => reject(new Error('the worker ended')));
  });
}

const asks = async (token?: string, method = 'GET', path = 'identities') =>
  (await fetch(`${url}api/${path}`, { method, headers: token ? { authorization: `Bearer ${token}` } : {} }))
    .status;

test('the process of the worker answers whoever the mounted file names, and follows it', async () => {
  const [guard, chief, later] = [
    'guard-0123456789abcdef',
    'chief-0123456789abcdef',
    'later-0123456789abcdef',
  ];
  lay(undefined);
  await start();
  // The Secret is optional: without it the worker runs, and answers nobody.
  expect([await asks(guard), await asks()]).toEqual([503, 503]);
  lay(`guard view hall ${guard}\nchief operate * ${chief}\n`);
  await eventually(
    () => asks(guard),
    (status) => status === 200,
    10_000,
  );
  expect(await asks(chief)).toBe(200);
  expect(await asks()).toBe(401);
  expect(await asks(later)).toBe(401);
  expect(await asks(guard, 'DELETE', 'identities/p-nobody')).toBe(403);
  expect(await asks(chief, 'DELETE', 'identities/p-nobody')).toBe(404);
  lay(`later view hall ${later}\n`);
  // Of wrong tokens only a few a second are heard, so that of the one that ends is asked until it does.
  await eventually(
    () => asks(guard),
    (status) => status === 401,
    10_000,
  );
  expect(await asks(later)).toBe(200);
  lay('guard view hall short\n');
  await eventually(
    () => asks(later),
    (status) => status === 503,
    10_000,
  );
}, 60_000);
