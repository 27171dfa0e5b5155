// Many tasks at once: all become right, the controller stays small, and then it is quiet. bench/controller measures more of them.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Task } from '../../config/schema/resource.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import { Relay } from '../support/cluster/relay.ts';
import { ControllerProcesses } from './controllerProcesses.ts';
import { eventually, install } from './liveController.ts';

jest.setTimeout(240_000);

const count = 100;
const sharedAccount = 'multi-edge-inference-stages';
const collection = '/apis/sedna.io/v1alpha1/namespaces/default/multiedgeinferences';
const nodes = Array.from({ length: 10 }, (_, index) => ({ name: `edge-${index}` }));

onCluster('a controller of many tasks', { controllers: true, hurry: true, kwokNodes: nodes }, (cluster) => {
  let relay: Relay;
  let processes: ControllerProcesses;
  beforeAll(async () => {
    const token = await install(cluster());
    relay = await Relay.start(cluster());
    processes = new ControllerProcesses({ ...cluster(), url: relay.url }, token);
  }, 120_000);
  afterAll(async () => {
    processes?.end();
    await relay?.close();
  });

  const phases = async (): Promise<Record<string, number>> => {
    const { body } = await cluster().request('GET', collection);
    const found: Record<string, number> = {};
    for (const { status } of (body as { items: Task[] }).items) {
      const phase = status?.phase ?? 'none';
      found[phase] = (found[phase] ?? 0) + 1;
    }
    return found;
  };

  test(`${count} tasks in one burst, with few requests each; a restart writes nothing`, async () => {
    const { child, leading, address } = processes.start('one');
    await leading;
    for (let start = 0; start < count; start += 50)
      await Promise.all(Array.from({ length: 50 }, (_, index) => create(start + index)));
    await eventually(
      async () => created(),
      (done) => done === count,
      120_000,
    );
    const forObjects = relay
      .writes()
      .filter((write) => !write.endsWith('/status') && !write.includes('/events/'));
    await eventually(phases, (found) => found['Running'] === count, 200_000);
    const waiting = async () =>
      /^mei_controller_tasks_waiting (\d+)$/m.exec(
        await (await fetch(`${await address}/metrics`)).text(),
      )?.[1];
    await eventually(waiting, (found) => found === '0');
    const all = relay.writes().length;
    process.stderr.write(
      `${count} tasks: ${megabytes(child.pid!)} MB resident, ${(forObjects.length / count).toFixed(1)} writes a task for objects, ${(all / count).toFixed(1)} with status and events\n`,
    );
    // All tasks of a namespace share one account, which is asked for once however many of them begin together.
    const [shared, rest] = [true, false].map((isShared) =>
      forObjects.filter((write) => write.endsWith(`/${sharedAccount}`) === isShared),
    );
    expect(shared!.length).toBe(1);
    // Beside what belongs to tasks there is one Secret, of the controller's own, from which their tokens derive.
    const own = rest!.filter((write) => write.includes('/namespaces/default/'));
    expect(rest!.length - own.length).toBeLessThanOrEqual(1);
    // Each other object is made by one request, and none is touched again.
    expect(own.filter((write) => !write.startsWith('POST '))).toEqual([]);
    expect(own.filter((write, index) => own.indexOf(write) !== index)).toEqual([]);
    expect(own.length % count).toBe(0);
    expect(all / count).toBeLessThan(22);
    await delay(3000);
    expect(relay.writes().slice(all)).toEqual([]);
    child.kill('SIGKILL');
    const again = processes.start('one');
    await again.leading;
    await eventually(
      async () => (await fetch(`${await again.address}/metrics`)).text(),
      (text) => /^mei_controller_tasks_waiting 0$/m.test(text),
    );
    await delay(1000);
    // It may not look whether the tokens of tasks are there: it offers each once, and is refused where it is.
    const offers = new Set(own.filter((write) => /\/secrets\/mei-.*-task-/.test(write)));
    const since = relay.writes().slice(all);
    expect(since.filter((write) => !offers.delete(write))).toEqual([]);
    process.stderr.write(`${count} tasks after a restart: ${megabytes(again.child.pid!)} MB resident\n`);
  });

  async function create(index: number): Promise<void> {
    const node = `edge-${index % nodes.length}`;
    const { status, body } = await cluster().request('POST', collection, {
      apiVersion: 'sedna.io/v1alpha1',
      kind: 'MultiEdgeInference',
      metadata: { name: `task-${index}` },
      spec: { packing: 'PerNode', cameras: [{ id: 'a', node, source: { uri: 'rtsp://192.0.2.1/a' } }] },
    });
    if (status !== 201) throw new Error(JSON.stringify(body));
  }

  /** Tasks whose objects are all there. */
  async function created(): Promise<number> {
    const { body } = await cluster().request('GET', collection);
    return (body as { items: Task[] }).items.filter(({ status }) =>
      status?.conditions?.some(({ type, status }) => type === 'WorkersCreated' && status === 'True'),
    ).length;
  }
});

function megabytes(pid: number): number {
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  return Math.round(kilobytes / 1024);
}
