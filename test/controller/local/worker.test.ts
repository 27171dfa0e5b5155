// A worker and a local controller as the processes they are: an edit in the cloud reaches running cameras, and none of the three
// needs the others to start.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import type { CameraConfig, WorkerConfig } from '../../../config/worker.ts';
import { cameraConfig } from '../../support/ingestRun.ts';
import { MjpegServer } from '../../support/mjpegServer.ts';
import { workerConfig } from '../../functions/host/support.ts';
import { eventually } from '../liveController.ts';
import { startLocal } from '../link/localProcess.ts';
import { createSite, startCloud, type Cloud, type Site } from '../link/site.ts';

jest.setTimeout(120_000);

const root = new URL('../../../', import.meta.url).pathname;
const ends: (() => Promise<unknown> | void)[] = [];
let site: Site;
let uris: string[];
const servers = [new MjpegServer(), new MjpegServer()];
/** What came out of the worker: ids of frames by camera. */
const frames = new Map<string, string[]>();
let receiver: Server;

beforeAll(async () => {
  site = createSite();
  site.addToken('edge-1');
  uris = await Promise.all(servers.map((server) => server.start(10)));
  receiver = createServer((request, response) => {
    const camera = String(request.headers['ce-partitionkey']);
    frames.set(camera, [...(frames.get(camera) ?? []), String(request.headers['ce-id'])]);
    request.resume().on('end', () => response.writeHead(202).end());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
  for (const server of servers) await server.stop();
  receiver.closeAllConnections();
  receiver.close();
  site.remove();
});

function config(generation: number, cameras: CameraConfig[]): WorkerConfig {
  const sink = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  return workerConfig(['ingest'], {
    task: { name: 'hall', namespace: 'default', uid: 'u1', generation },
    cameras,
    sinks: Object.fromEntries(Object.values(eventTypes).map((type) => [type, sink])),
  });
}

function publish(cloud: Cloud, worker: WorkerConfig): void {
  const digest = `digest-${worker.task.generation}`;
  cloud.downstream.publish(
    'default/hall',
    new Map([
      [
        'edge-1',
        { task: worker.task, digest, workers: [worker], tokens: ['token-of-the-task-u1'], isCounted: true },
      ],
    ]),
  );
}

interface WorkerProcess {
  child: ChildProcess;
  lines: { msg: string; outcome?: string; generation?: number; reason?: string }[];
}

function startWorker(mounted: WorkerConfig, localUrl: string): WorkerProcess {
  const configPath = join(site.folder, 'worker.json');
  writeFileSync(configPath, JSON.stringify(mounted));
  const child = fork(join(root, 'functions/host/main.ts'), {
    cwd: root,
    execArgv: ['--import', 'tsx'],
    env: {
      PATH: process.env['PATH'],
      MEI_WORKER_CONFIG: configPath,
      MEI_LC_URL: localUrl,
      UV_THREADPOOL_SIZE: '16',
      MEI_CAMERA_NETWORKS: '127.0.0.0/8',
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  ends.push(() => void child.kill('SIGKILL'));
  const lines: WorkerProcess['lines'] = [];
  createInterface(child.stdout!).on('line', (line) => lines.push(JSON.parse(line) as (typeof lines)[number]));
  return { child, lines };
}

const arrive = (camera: string, more = 3) => {
  const before = frames.get(camera)?.length ?? 0;
  return eventually(
    async () => frames.get(camera)?.length ?? 0,
    (count) => count >= before + more,
    30_000,
  );
};
const says = ({ lines }: WorkerProcess, message: string) =>
  eventually(
    async () => lines.map(({ msg, outcome, generation }) => [msg, outcome, generation].join(' ').trim()),
    (words) => words.includes(message),
    30_000,
  );

test('an edit reaches a running worker at once; worker and local controller start without the cloud', async () => {
  const a = cameraConfig('a', { type: 'HTTP', uri: uris[0]! });
  const b = cameraConfig('b', { type: 'HTTP', uri: uris[1]! });
  const cloud = await startCloud(site);
  const { port } = cloud.server;
  publish(cloud, config(1, [a]));
  const local = await startLocal(site, 'edge-1', port);
  ends.push(() => void local.child.kill('SIGKILL'));
  const first = startWorker(config(1, [a]), local.url);
  await arrive('a');
  publish(cloud, config(2, [a, b]));
  await arrive('b');
  await says(first, 'another configuration taken 2');
  await arrive('a');
  // The same process, the same connection: nothing of camera a began anew.
  expect(first.lines.filter(({ msg }) => msg === 'listening')).toHaveLength(1);
  expect(servers[0]!.connections).toBe(1);
  expect(new Set(frames.get('a')!.map((id) => id.split('.')[0])).size).toBe(1);

  // What only a new process can take, it is not handed while it runs.
  publish(cloud, { ...config(3, [a, b]), sinks: { ...config(3, []).sinks, x: 'http://elsewhere/' } });
  await says(first, 'another configuration replaced 3');
  publish(cloud, config(4, [b]));
  await says(first, 'another configuration taken 4');

  const { port: localPort } = new URL(local.url);
  await cloud.close();
  await local.kill('SIGKILL');
  await arrive('b');
  const gone = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await gone;

  // Only the mounted file is there: it is older, and good enough to begin with.
  const second = startWorker(config(1, [a]), local.url);
  await says(second, 'no local controller answers: starting with the mounted configuration');
  await arrive('a');
  const again = await startLocal(site, 'edge-1', port, { PORT: localPort });
  ends.push(() => void again.child.kill('SIGKILL'));
  await says(second, 'another configuration taken 4');
  await arrive('b');

  const ended = once(second.child, 'exit');
  second.child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
