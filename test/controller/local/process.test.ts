// Local controllers as processes: killed at any moment, cut off, and started without the cloud.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import type { Task } from '../../../config/schema/resource.ts';
import type { WorkerConfig } from '../../../config/worker.ts';
import { eventually } from '../liveController.ts';
import { startLocal, type LocalProcess } from '../link/localProcess.ts';
import { createSite, edgeTask, shares, startCloud, type Cloud, type Site } from '../link/site.ts';

jest.setTimeout(120_000);

let site: Site;
let cloud: Cloud | undefined;
const processes: LocalProcess[] = [];

beforeAll(() => {
  site = createSite();
  for (const node of ['edge-1', 'edge-2', 'edge-3']) site.addToken(node);
});
afterEach(async () => {
  for (const { child } of processes.splice(0)) child.kill('SIGKILL');
  await cloud?.close();
  cloud = undefined;
});
afterAll(() => site.remove());

async function start(node: string, port: number, env: Record<string, string> = {}): Promise<LocalProcess> {
  const local = await startLocal(site, node, port, env);
  processes.push(local);
  return local;
}

async function configOf(local: LocalProcess, worker: string, uid: string): Promise<WorkerConfig | number> {
  const response = await fetch(`${local.url}/v1/workers/${worker}/config?uid=${uid}`);
  return response.ok ? ((await response.json()) as WorkerConfig) : response.status;
}

const served = (local: LocalProcess, worker: string, generation: number) =>
  eventually(
    () => configOf(local, worker, 'uid-of-gate'),
    (config) => typeof config === 'object' && config.task.generation === generation,
    10_000,
  );

test('a node that starts without the cloud serves what it knew; its token never lies in the store', async () => {
  cloud = await startCloud(site, { tasks: [edgeTask('gate', 3)] });
  const { port } = cloud.server;
  const first = await start('edge-1', port);
  await served(first, 'gate-edge-edge-1', 3);
  await cloud.close();
  cloud = undefined;
  await first.kill('SIGKILL');
  const store = join(site.folder, 'store-edge-1');
  for (const name of readdirSync(store))
    expect(readFileSync(join(store, name), 'latin1')).not.toContain('0123456789abcdef');
  const second = await start('edge-1', port);
  expect(await configOf(second, 'gate-edge-edge-1', 'uid-of-gate')).toEqual(
    JSON.parse(JSON.stringify(shares(edgeTask('gate', 3)).get('edge-1')!.workers[0])),
  );
  expect(await (await fetch(`${second.url}/readyz`)).text()).toMatch(/^ok, without the cloud: /);
  expect(await (await fetch(`${second.url}/metrics`)).text()).toMatch(/mei_lc_tasks 1\n/);
  expect((await second.kill('SIGTERM')).code).toBe(0);
});

test('without the cloud and without anything stored a node is not ready, and says why', async () => {
  const local = await start('edge-2', 1);
  const response = await fetch(`${local.url}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.text()).toMatch(/no task is known yet, and the controller is away/);
  expect((await fetch(`${local.url}/healthz`)).status).toBe(200);
});

/** Small and seeded: the same moments each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test.each([1, 2, 3, 4])(
  'killed on either side at random moments, the node ends with what it should have (seed %d)',
  async (seed) => {
    const random = randomFrom(seed);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const tasks = new Map<string, Task>();
    cloud = await startCloud(site);
    const { port } = cloud.server;
    let local = await start('edge-3', port);
    const generations = new Map<string, number>();
    const lives = new Map<string, number>();
    for (let round = 0; round < 12; round++) {
      for (const name of names) {
        if (random() < 0.3) {
          tasks.delete(name);
          cloud.downstream.remove(`default/${name}`);
          // Made anew it has another uid, and begins at generation 1.
          generations.delete(name);
        } else if (random() < 0.7) {
          const generation = (generations.get(name) ?? 0) + 1;
          generations.set(name, generation);
          const task = edgeTask(name, generation, ['edge-3'], Math.round(random() * 100) / 100);
          if (generation === 1) lives.set(name, (lives.get(name) ?? 0) + 1);
          task.metadata.uid = `uid-${seed}-${name}-${lives.get(name)}`;
          tasks.set(name, task);
          cloud.publish(task);
        }
      }
      // Events are under way while somebody dies.
      await new Promise((resolve) => setImmediate(resolve));
      if (random() < 0.4) {
        await local.kill('SIGKILL');
        local = await start('edge-3', port);
      }
      if (random() < 0.3) {
        await cloud.close();
        cloud = await startCloud(site, { port, tasks: [...tasks.values()] });
      }
    }
    const current = cloud;
    await eventually(
      async () => [...tasks.keys()].flatMap((name) => current.downstream.progress(`default/${name}`)),
      (progress) => progress.length === tasks.size && progress.every(({ isConfirmed }) => isConfirmed),
      20_000,
    );
    await eventually(
      () =>
        Promise.all(
          names.map((name) =>
            configOf(
              local,
              `${name}-edge-edge-3`,
              tasks.get(name)?.metadata.uid ?? `uid-${seed}-${name}-${lives.get(name)}`,
            ),
          ),
        ),
      (configs) =>
        names.every((name, index) => {
          const wanted = tasks.has(name) ? shares(tasks.get(name)!).get('edge-3')!.workers[0] : 404;
          return JSON.stringify(configs[index]) === JSON.stringify(wanted);
        }),
      10_000,
    );
  },
);
