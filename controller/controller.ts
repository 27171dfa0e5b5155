// The running controller: copies of what it looks at, and a queue of the tasks that something happened to. main.ts starts it.
import { setMaxListeners } from 'node:events';
import type { FunctionList } from '../config/functions.ts';
import type { Cluster } from './cluster.ts';
import type { Surroundings } from './desired.ts';
import type { Downstream } from './downstream/downstream.ts';
import { messageOf } from './errors.ts';
import { KnativeWatch } from './knative.ts';
import type { Log } from './log.ts';
import { isShared, taskLabel, type Installation, type Manifest } from './objects/manifest.ts';
import { OwnWrites } from './ownWrites.ts';
import { keyOf } from './plan.ts';
import { Patience } from './patience.ts';
import { Quarrels, type QuarrelOptions } from './quarrels.ts';
import { Queue } from './queue.ts';
import { publishTask, reconcile, withoutManagedFields, type Reconciler } from './reconcile.ts';
import { Reflector, type ReflectorTiming } from './reflector.ts';
import { ownedResources, podResource, taskResource } from './resources.ts';
import { podView, type PodView } from './podView.ts';
import { PodWarnings } from './podWarnings.ts';
import { TaskTokens } from './taskTokens.ts';

export interface ControllerOptions {
  cluster: Cluster;
  functions: FunctionList;
  installation: Installation;
  models: Pick<Surroundings, 'resolveModel' | 'defaultModels' | 'threads'>;
  log: Log;
  /** What the tokens of tasks are derived from, the newest in front; asked for once it leads. */
  taskKeys: () => Promise<readonly string[]>;
  /** Makes the downstream controller, when this installation has local controllers. */
  createDownstream?: (onChange: (key: string) => void, now: () => string) => Downstream;
  /** Tasks that are worked on at a time. */
  workers?: number;
  /** Everything is looked at anew about so often: a change that was missed is not missed for ever. */
  resyncMs?: number;
  reflectors?: Partial<ReflectorTiming>;
  quarrels?: Partial<QuarrelOptions>;
  /** How often it is asked what the cluster has of Knative. */
  knativeCheckMs?: number;
}

export interface Controller {
  /** Resolves when all copies are complete. */
  synced: Promise<void>;
  /** Whether all copies follow the API server. */
  isCurrent(): boolean;
  downstream: Downstream | undefined;
  /** The newest copy of a task; key: `namespace/name`. */
  task(key: string): Manifest | undefined;
  /** Begins to work; until then changes only gather. When it resolves, downstream knows what every node should have. */
  lead(): Promise<void>;
  queueLength(): number;
  /** Stops watching, and resolves when no task is being worked on. */
  stop(): Promise<void>;
}

const maxTasks = 100_000;
/** They wait for the API server most of the time: it lets roles and bindings wait until its caches are up to date. */
export const usualWorkers = 32;
/** Objects and pods change many times within a moment: one look after it is enough. */
const settleMs = 500;

export function startController(options: ControllerOptions): Controller {
  const { cluster, log, reflectors: timing } = options;
  const ending = new AbortController();
  // Each kind that is followed waits for it.
  setMaxListeners(50, ending.signal);
  const ownWrites = new OwnWrites();
  const patience = new Patience(() => queue.waiting > usualWorkers);
  const common = { cluster, log, ...(timing && { timing }) };

  const tasks = new Reflector<Manifest>({
    ...common,
    resource: taskResource,
    project: withoutManagedFields,
    onChange(task, isGone) {
      const key = keyOfTask(task);
      if (isGone) {
        ownWrites.forget(`Task/${key}`);
        patience.end(key);
      } else if (ownWrites.isEcho(`Task/${key}`, task)) return;
      queue.add(key);
    },
  });
  const ofTasks = {
    labelSelector: taskLabel,
    project: withoutManagedFields<Manifest>,
    groupOf: taskOf,
    onChange(object: Manifest, isGone: boolean) {
      if (isGone) ownWrites.forget(keyOf(object));
      else if (ownWrites.isEcho(keyOf(object), object)) return;
      if (isShared(object)) {
        if (isGone) wakeAll(({ metadata }) => metadata.namespace === object.metadata.namespace);
      } else wake(object, isGone ? 0 : settleMs);
    },
  };
  const owned = ownedResources.map(
    (resource) => new Reflector<Manifest>({ ...common, ...ofTasks, resource }),
  );
  const knative = new KnativeWatch({
    ...common,
    owned: ofTasks,
    onBroker: (namespace) => wakeAll((task) => task.metadata.namespace === namespace),
    onChange: () => wakeAll(() => true),
    ...(options.knativeCheckMs !== undefined && { checkMs: options.knativeCheckMs }),
  });
  const pods = new Reflector<PodView>({
    ...common,
    resource: podResource,
    labelSelector: taskLabel,
    project: podView,
    groupOf: taskOf,
    onChange: (pod) => wake(pod, settleMs),
  });

  /** Only for tasks that are known: what others label with their names is none of our business. */
  function wake(object: Manifest, ms: number): void {
    const key = taskOf(object);
    if (key !== undefined && isTask(key)) queue.addAfter(key, ms);
  }

  /** What they need of the cluster came, went or changed. */
  function wakeAll(isConcerned: (task: Manifest) => boolean): void {
    for (const task of tasks.values()) if (isConcerned(task)) queue.addAfter(keyOfTask(task), settleMs);
  }

  function isTask(key: string): boolean {
    const [namespace, name] = key.split('/');
    return tasks.has(namespace, name!);
  }

  const now = () => `${new Date().toISOString().slice(0, 19)}Z`;
  const downstream = options.createDownstream?.((key) => void queue.addAfter(key, settleMs), now);
  const later = (key: string, ms: number) => void queue.addAfter(key, ms);
  const context: Reconciler = {
    ...options,
    ownWrites,
    quarrels: new Quarrels(options.quarrels),
    patience,
    later,
    podWarnings: new PodWarnings({ cluster, later }),
    taskTokens: new TaskTokens([]),
    strangers: new Set(),
    sharing: new Map(),
    knative,
    reporter: 'multi-edge-inference-controller',
    now,
    ...(downstream && { downstream }),
    view: {
      task(key) {
        const [namespace, name] = key.split('/');
        return tasks.get(namespace, name!);
      },
      owned: (key) => [...owned.flatMap((reflector) => reflector.group(key)), ...knative.owned(key)],
      named({ apiVersion, kind, metadata }) {
        const index = ownedResources.findIndex(
          (each) => each.apiVersion === apiVersion && each.kind === kind,
        );
        return owned[index]?.get(metadata.namespace, metadata.name);
      },
      pods: (key) => pods.group(key),
    },
  };
  const queue = new Queue({
    work: (key) => reconcile(context, key),
    workers: options.workers ?? usualWorkers,
    maxKeys: maxTasks,
    backoff: { minMs: 500, maxMs: 300_000 },
    onFailure: (task, error, retryInMs) =>
      log.warn({ task, error: messageOf(error), retryInMs: Math.round(retryInMs) }, 'task failed'),
  });

  const reflectors = [tasks, pods, ...owned];
  const running = [...reflectors, knative].map((each) => each.run(ending.signal));
  const copies = Promise.all(reflectors.map((reflector) => reflector.synced));
  const synced = Promise.all([copies, knative.checked]).then(() => undefined);
  let resync: NodeJS.Timeout | undefined;

  /** Each task at a moment of its own, or all would be looked at together. */
  function scheduleResync(): void {
    const periodMs = (options.resyncMs ?? 600_000) * (0.9 + Math.random() * 0.2);
    resync = setTimeout(() => {
      for (const key of tasks.keys()) queue.addAfter(key, Math.random() * periodMs * 0.1);
      scheduleResync();
    }, periodMs);
  }

  return {
    synced,
    downstream,
    task: (key) => context.view.task(key),
    isCurrent: () => reflectors.every((reflector) => reflector.isCurrent),
    async lead() {
      await synced;
      if (ending.signal.aborted) return;
      context.taskTokens = new TaskTokens(await options.taskKeys());
      for (const key of tasks.keys()) publishTask(context, key);
      queue.start();
      scheduleResync();
    },
    queueLength: () => queue.size,
    async stop() {
      ending.abort();
      clearTimeout(resync);
      await Promise.all([queue.stop(), ...running]);
    },
  };
}

function keyOfTask({ metadata }: Manifest): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Key of the task that an object's label names. */
function taskOf({ metadata }: Manifest): string | undefined {
  const name = metadata.labels?.[taskLabel];
  return name === undefined ? undefined : `${metadata.namespace}/${name}`;
}
