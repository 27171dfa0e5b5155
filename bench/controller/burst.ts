// Applies a number of tasks at once and measures until the last object of each is there, made by the controller or by a bare client.
import { setTimeout as delay } from 'node:timers/promises';
import { usualWorkers } from '../../controller/controller.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { keyOf } from '../../controller/plan.ts';
import { taskManifest } from './tasks.ts';
import type { Task } from '../../config/schema/resource.ts';
import type { ControllerProcess } from './controllerProcess.ts';
import type { Ground } from './ground.ts';
import { progressBar } from './progress.ts';
import { difference, serverFigures, type ServerFigures } from './serverFigures.ts';

export interface BurstOptions {
  label: string;
  /** Tasks are called `<prefix>-0`, `<prefix>-1` ... */
  prefix: string;
  count: number;
  /** Who makes the objects. */
  by: 'controller' | 'floor';
  controller: ControllerProcess | undefined;
  /** Ends once all objects are there, not once all tasks run: that takes Kubernetes minutes for many. */
  untilCreated?: boolean;
}

export interface Burst {
  count: number;
  objectsPerTask: number;
  /** Of each task: from sending it to the last of its objects, as a watch shows it. */
  latenciesMs: number[];
  /** From sending the first task to the last object of all. */
  wholeMs: number;
  /** Until then. */
  making: ServerFigures & { controllerCpuMs: number };
  /** Until all tasks run and nothing is left to do; absent for the floor, and where that was not waited for. */
  settled?: ServerFigures & { clientWrites: number };
}

const senders = 16;
const deadlineMs = (count: number) => 120_000 + count * 2000;
/** Pods need what they name, and nobody can be bound to a role that is not there. */
const lastKinds = ['Deployment', 'RoleBinding'];

export async function runBurst(ground: Ground, options: BurstOptions): Promise<Burst> {
  const { cluster, client, objects } = ground;
  const { prefix, count, by, controller, label } = options;
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  const keys = new Map(names.map((name) => [name, ground.objectsOf(name, '').map(keyOf)]));
  const isFloor = by === 'floor';
  const before = await serverFigures(cluster);
  const clientBefore = controller && !isFloor ? writesOf(await controller.requests()) : 0;
  const cpuBefore = isFloor ? 0 : (controller?.cpuMs() ?? 0);

  const sentMs = new Map<string, number>();
  const stored: Task[] = [];
  let unsent = count;
  const startMs = performance.now();
  const sending = inParallel(senders, names, async (name) => {
    sentMs.set(name, performance.now());
    stored.push((await client.apply(taskManifest(name, ground.spec), { force: true })) as unknown as Task);
    unsent -= 1;
  });
  const making = isFloor ? makeAll(ground, stored, () => unsent > 0) : Promise.resolve();
  await Promise.all([sending, making]);
  await waitFor(label, count, () => names.filter((name) => objects.allSeenMs(keys.get(name)!)).length);
  const doneMs = names.map((name) => objects.allSeenMs(keys.get(name)!)!);
  const made = difference(await serverFigures(cluster), before);
  const burst: Burst = {
    count,
    objectsPerTask: keys.get(names[0]!)!.length,
    latenciesMs: names.map((name, index) => doneMs[index]! - sentMs.get(name)!),
    wholeMs: Math.max(...doneMs) - startMs,
    making: { ...made, controllerCpuMs: isFloor ? 0 : (controller?.cpuMs() ?? 0) - cpuBefore },
  };
  if (isFloor || !controller || options.untilCreated) return burst;
  await waitFor(
    `${label}: running`,
    count,
    () => names.filter((name) => isRunning(objects.task(name))).length,
  );
  await waitFor(`${label}: settled`, 1, async () => ((await controller.waiting()) === 0 ? 1 : 0));
  const clientWrites = writesOf(await controller.requests()) - clientBefore;
  return { ...burst, settled: { ...difference(await serverFigures(cluster), before), clientWrites } };
}

function isRunning(task: Task | undefined): boolean {
  return task?.status?.phase === 'Running';
}

/** Renewals of the lease are the only PUTs. */
export function writesOf(requests: Record<string, number>): number {
  const { GET: _reads = 0, PUT: _renewals = 0, ...writes } = requests;
  return Object.values(writes).reduce((sum, count) => sum + count, 0);
}

/** What the controller does for each task, without finding out that it must. */
async function makeAll(
  { maker, objectsOf }: Ground,
  stored: Task[],
  isMoreToCome: () => boolean,
): Promise<void> {
  const slots = Array.from({ length: usualWorkers });
  await Promise.all(
    slots.map(async () => {
      for (;;) {
        const task = stored.shift();
        if (task) await makeOne(maker, objectsOf(task.metadata.name, task.metadata.uid ?? ''));
        else if (isMoreToCome()) await delay(1);
        else return;
      }
    }),
  );
}

async function makeOne(maker: Ground['maker'], objects: Manifest[]): Promise<void> {
  const isLast = ({ kind }: Manifest) => lastKinds.includes(kind);
  await Promise.all(objects.filter((object) => !isLast(object)).map((object) => maker.create(object)));
  await Promise.all(objects.filter(isLast).map((object) => maker.create(object)));
}

async function inParallel<T>(width: number, items: readonly T[], work: (item: T) => Promise<void>) {
  const rest = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}

async function waitFor(label: string, total: number, done: () => number | Promise<number>): Promise<void> {
  const bar = progressBar(label, total);
  try {
    const deadline = performance.now() + deadlineMs(total);
    for (;;) {
      const count = await done();
      bar.update(count);
      if (count >= total) return;
      if (performance.now() > deadline) throw new Error(`${label}: only ${count} of ${total} in time`);
      await delay(total > 200 ? 500 : 50);
    }
  } finally {
    bar.stop();
  }
}
