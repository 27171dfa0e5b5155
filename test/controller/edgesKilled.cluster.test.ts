// Controller and local controller as processes that are killed at random moments amid edits, on a real API server: in the end the
// node has what the API server says, and the status says so.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { WorkerConfig } from '../../config/worker.ts';
import type { Cluster } from '../support/cluster/cluster.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import { startLocal, type LocalProcess } from './link/localProcess.ts';
import { createSite, type Site } from './link/site.ts';
import {
  cameraPassword,
  sayAll,
  secretsOf,
  signature,
  spellings,
  vectorSpellings,
  wrongToken,
} from './loggedSecrets.ts';
import { conditionOf, createTask, eventually, install, readTask } from './liveController.ts';

jest.setTimeout(400_000);

const names = ['one', 'two', 'three'];
const spec = (threshold: number) =>
  `{packing: PerNode, matching: {threshold: ${threshold}}, cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]}`;

/** Small and seeded: the same moments each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Controller {
  child: ChildProcess;
  /** Resolves when it has the lease: at once, because each takes the name of the one before. */
  leading: Promise<void>;
}

const locals: LocalProcess[] = [];
/** Of all controllers and local controllers, at the level trace. */
const said: string[] = [];
const trace = { MEI_LOG_LEVEL: 'trace' };

function writeKubeconfig(site: Site, { url, certificate }: Cluster, token: string): void {
  const ca = Buffer.from(certificate).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'controller' } }],
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': ca } }],
    users: [{ name: 'controller', user: { token } }],
  };
  writeFileSync(join(site.folder, 'kubeconfig'), JSON.stringify(config));
}

function startController(site: Site, port: number): Controller {
  const child = spawn(process.execPath, ['--import', 'tsx', 'controller/main.ts'], {
    env: {
      PATH: process.env['PATH'],
      KUBECONFIG: join(site.folder, 'kubeconfig'),
      POD_NAME: 'controller',
      PORT: '0',
      MEI_HOST: '127.0.0.1',
      MEI_LINK_PORT: String(port),
      MEI_LINK_CERT: site.certificate.certificate,
      MEI_LINK_KEY: site.certificate.key,
      MEI_LINK_TOKENS: site.tokensFolder,
      ...trace,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  createInterface(child.stderr).on('line', (line) => said.push(line));
  const leading = new Promise<void>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      said.push(line);
      if (line.includes('"leading"')) resolve();
    });
  });
  return { child, leading };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

onCluster('nodes and kills', { controllers: true, kwokNodes: [{ name: 'edge-1' }] }, (cluster) => {
  let site: Site;
  let controller: Controller;
  let local: LocalProcess;
  let port: number;
  let apiToken: string;

  const startNode = async (name = 'edge-1', env: Record<string, string> = {}) => {
    const started = await startLocal(site, name, port, { ...trace, ...env });
    locals.push(started);
    return started;
  };

  beforeAll(async () => {
    apiToken = await install(cluster());
    site = createSite();
    for (const name of ['edge-1', 'edge-2']) site.addToken(name);
    port = await freePort();
    writeKubeconfig(site, cluster(), apiToken);
    controller = startController(site, port);
    local = await startNode();
  }, 120_000);
  afterAll(() => {
    for (const { child } of locals) child.kill('SIGKILL');
    controller?.child.kill('SIGKILL');
    site?.remove();
  });

  async function configOf(
    name: string,
    uid: string,
  ): Promise<{ generation: number; threshold: number | undefined } | number> {
    const response = await fetch(`${local.url}/v1/workers/${name}-edge-edge-1/config?uid=${uid}`);
    if (!response.ok) return response.status;
    const { task, match } = (await response.json()) as WorkerConfig;
    return { generation: task.generation, threshold: match.threshold };
  }

  test('whatever dies in between, node and status end as the API server says', async () => {
    const random = randomFrom(7);
    const wanted = new Map<string, number>();
    const kills = { controller: 0, local: 0 };
    await controller.leading;
    for (let round = 0; round < 8; round++) {
      for (const name of names) {
        if (random() < 0.25) {
          wanted.delete(name);
          await cluster().kubectl(['delete', 'mei', name, '--ignore-not-found', '--wait=false']);
        } else if (random() < 0.7 && (wanted.has(name) || (await isGone(name)))) {
          const threshold = Math.round(random() * 100) / 100;
          wanted.set(name, threshold);
          await createTask(cluster(), name, spec(threshold));
        }
      }
      if (random() < 0.5) {
        const ended = once(controller.child, 'exit');
        controller.child.kill('SIGKILL');
        await ended;
        kills.controller++;
        controller = startController(site, port);
      }
      if (random() < 0.5) {
        await local.kill('SIGKILL');
        kills.local++;
        local = await startNode();
      }
    }
    expect(Math.min(kills.controller, kills.local)).toBeGreaterThanOrEqual(2);
    if (wanted.size === 0) {
      await eventually(() => isGone('one'), Boolean);
      wanted.set('one', 0.42);
      await createTask(cluster(), 'one', spec(0.42));
    }
    await eventually(storedTasks, (count) => count === wanted.size);
    for (const name of names) {
      const threshold = wanted.get(name);
      if (threshold === undefined) {
        await eventually(() => isGone(name), Boolean);
        continue;
      }
      const task = await eventually(
        () => readTask(cluster(), name),
        (each) => conditionOf(each, 'EdgesSynced').startsWith('True'),
      );
      expect(await configOf(name, task.metadata.uid!)).toEqual({
        generation: task.metadata.generation,
        threshold,
      });
      expect(task.status?.nodes).toMatchObject([{ name: 'edge-1', generation: task.metadata.generation }]);
    }
  });

  test('no token, key, password or vector is in what they log at any level', async () => {
    await cluster().kubectl([
      'create',
      'secret',
      'generic',
      'camera-login',
      `--from-literal=username=viewer-${cameraPassword}`,
      `--from-literal=password=${cameraPassword}`,
    ]);
    const camera = `{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a?sig=${signature}", secretRef: {name: camera-login}}}`;
    await createTask(cluster(), 'leaky', `{packing: PerNode, cameras: [${camera}]}`);
    const task = await eventually(
      () => readTask(cluster(), 'leaky'),
      (each) => conditionOf(each, 'EdgesSynced').startsWith('True'),
    );
    const secrets = await secretsOf(cluster(), 'leaky');
    const stored = (node: string) => readFileSync(join(site.folder, `${node}.token`), 'utf8').trim();
    const nodeToken = stored('edge-1');
    // A node with the token of another one, and one that shows what is no token at all.
    writeFileSync(join(site.folder, 'false.token'), `${wrongToken}\n`);
    const stranger = await startNode('edge-2', { MEI_NODE_TOKEN_FILE: join(site.folder, 'false.token') });
    await eventually(
      async () => stranger.lines.join(),
      (lines) => lines.includes('the controller answers 401'),
    );
    const asked = { site, port, localUrl: local.url, task: 'leaky', worker: 'leaky-edge-edge-1' };
    expect(await sayAll({ ...asked, taskToken: secrets.at(-1)!, nodeToken })).toEqual([
      202, 401, 400, 202, 422, 401, 400,
    ]);
    await local.kill('SIGKILL');
    local = await startNode();
    await createTask(
      cluster(),
      'leaky',
      `{packing: PerNode, matching: {threshold: 0.4}, cameras: [${camera}]}`,
    );
    await eventually(
      () => configOf('leaky', task.metadata.uid!),
      (config) => typeof config === 'object' && config.threshold === 0.4,
    );
    await eventually(
      async () => local.lines.join(),
      (lines) => lines.includes('events wait'),
      20_000,
    );
    const metrics = await Promise.all(
      [local.url, stranger.url].map(async (url) => (await fetch(`${url}/metrics`)).text()),
    );
    const logs = [...said, ...locals.flatMap(({ lines }) => lines), ...metrics].join('\n');
    // What is searched is really there.
    for (const words of ['"leading"', 'connected to the controller', 'received', 'mei_lc_tasks', 'leaky'])
      expect(logs).toContain(words);
    const all = [...secrets, nodeToken, stored('edge-2'), apiToken, wrongToken, cameraPassword, signature];
    for (const secret of all.filter((each) => each.length > 8))
      for (const spelling of spellings(secret))
        if (logs.includes(spelling))
          throw new Error(
            `${spelling} is logged: ${logs.slice(Math.max(0, logs.indexOf(spelling) - 200), logs.indexOf(spelling) + 60)}`,
          );
    for (const spelling of vectorSpellings) expect(logs).not.toContain(spelling);
  });

  /** From the agent's own figures: nothing of what is gone is left. */
  async function storedTasks(): Promise<number> {
    const text = await (await fetch(`${local.url}/metrics`)).text();
    return Number(/^mei_lc_tasks (\d+)$/m.exec(text)?.[1]);
  }

  async function isGone(name: string): Promise<boolean> {
    return (await cluster().kubectl(['get', 'mei', name, '--ignore-not-found', '-o', 'name'])) === '';
  }
});
