// All objects of a task: the table of contents of objects/. Pure; reconcile compares them with what is there.
import type { FunctionList } from '../config/functions.ts';
import type { Task } from '../config/schema/resource.ts';
import type { WorkerConfig } from '../config/worker.ts';
import type { DesiredTask, DesiredWorker } from './desired.ts';
import { accessObjects } from './objects/access.ts';
import { workerPort, type Installation, type Manifest } from './objects/manifest.ts';
import { networkPolicy, takesPictures } from './objects/network.ts';
import { configMap, deployment, disruptionBudget, replicasOf, service } from './objects/workload.ts';

export interface ManifestOptions {
  functions: FunctionList;
  installation: Installation;
  /** Workers of these placements have no pods for now: the task is suspended, or its recordings are done. */
  stopped: ReadonlySet<DesiredWorker['placement']>;
}

/** In the order in which they are applied: what pods need comes before them, receivers before senders. */
export function manifestsOf(task: Task, { workers }: DesiredTask, options: ManifestOptions): Manifest[] {
  return [
    ...accessObjects(task, workers),
    ...workers.toReversed().flatMap((worker) => workerManifests(task, worker, workers, options)),
  ];
}

function workerManifests(
  task: Task,
  worker: DesiredWorker,
  all: readonly DesiredWorker[],
  { functions, installation, stopped }: ManifestOptions,
): Manifest[] {
  const parts = { task, worker, functions, installation };
  const config: WorkerConfig = { ...worker.config, sinks: sinksOf(task, worker) };
  const replicas = stopped.has(worker.placement) ? 0 : replicasOf(parts);
  const isReached =
    takesPictures(worker) || all.some(({ routes }) => Object.values(routes).includes(worker.name));
  return [
    networkPolicy(task, worker, all),
    configMap(parts, config),
    ...(isReached ? [service(parts)] : []),
    ...(replicas > 1 ? [disruptionBudget(parts)] : []),
    deployment(parts, config, replicas),
  ];
}

/** Event type -> address of the worker that takes it. */
function sinksOf(task: Task, { routes }: DesiredWorker): Record<string, string> {
  const { namespace } = task.metadata;
  return Object.fromEntries(
    Object.entries(routes).map(([type, name]) => [type, `http://${name}.${namespace}.svc:${workerPort}/`]),
  );
}
