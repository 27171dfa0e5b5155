// All objects of a task: the table of contents of objects/. Pure; reconcile compares them with what is there.
import type { FunctionList } from '../config/functions.ts';
import type { Task } from '../config/schema/resource.ts';
import type { WorkerConfig } from '../config/worker.ts';
import type { DesiredTask, DesiredWorker } from './desired.ts';
import { accessObjects } from './objects/access.ts';
import { knativeService, scaleOf } from './objects/knativeService.ts';
import type { Installation, Manifest } from './objects/manifest.ts';
import { networkPolicy, takesPictures } from './objects/network.ts';
import type { WorkerParts } from './objects/podTemplate.ts';
import { addressOf, hearsBroker, runsOnKnative } from './objects/runtime.ts';
import { triggers } from './objects/triggers.ts';
import { receiversOf, sinksOf } from './receivers.ts';
import { configMap, deployment, disruptionBudget, replicasOf, service } from './objects/workload.ts';

export interface ManifestOptions {
  functions: FunctionList;
  installation: Installation;
  /** Workers of these placements have no pods for now: the task is suspended, or its recordings are done. */
  stopped: ReadonlySet<DesiredWorker['placement']>;
}

/** In the order in which they are applied: what pods need comes before them, receivers before senders. */
export function manifestsOf(task: Task, plan: DesiredTask, options: ManifestOptions): Manifest[] {
  return [
    ...accessObjects(task, plan.workers),
    ...plan.workers.toReversed().flatMap((worker) => workerManifests(task, worker, plan, options)),
  ];
}

/** What the worker is told, with the addresses of those it sends to. */
export function configOf(task: Task, worker: DesiredWorker, plan: DesiredTask): WorkerConfig {
  const { workers, brokerUrl } = plan;
  const receivers = sinksOf(worker, workers, (to) =>
    hearsBroker(task, to) ? brokerUrl : addressOf(task, to),
  );
  const isBrokered = brokerUrl !== undefined && Object.values(receivers.sinks).includes(brokerUrl);
  return { ...worker.config, ...receivers, ...(isBrokered && { broker: brokerUrl }) };
}

function workerManifests(
  task: Task,
  worker: DesiredWorker,
  plan: DesiredTask,
  { functions, installation, stopped }: ManifestOptions,
): Manifest[] {
  const parts = { task, worker, functions, installation };
  const config = configOf(task, worker, plan);
  const isStopped = stopped.has(worker.placement);
  const isReached =
    takesPictures(worker) ||
    plan.workers.some((sender) => receiversOf(sender, plan.workers).includes(worker));
  return [
    networkPolicy(parts, plan),
    configMap(parts, config),
    ...(runsOnKnative(task, worker)
      ? onKnative(parts, config, isStopped)
      : asDeployment(parts, config, isStopped, isReached)),
    // Nothing would take their events.
    ...(hearsBroker(task, worker) && !isStopped ? triggers(parts, plan) : []),
  ];
}

function asDeployment(
  parts: WorkerParts,
  config: WorkerConfig,
  isStopped: boolean,
  isReached: boolean,
): Manifest[] {
  const replicas = isStopped ? 0 : replicasOf(parts);
  return [
    ...(isReached ? [service(parts)] : []),
    ...(replicas > 1 || leadsGroup(parts.worker) ? [disruptionBudget(parts)] : []),
    deployment(parts, config, replicas),
  ];
}

/** Of several workers of which all but one stand by: one budget is about all of them. */
function leadsGroup({ name, config }: DesiredWorker): boolean {
  return config.group === name;
}

/** A Knative Service without pods would start one for the next request: stopped means that it is not there. */
function onKnative(parts: WorkerParts, config: WorkerConfig, isStopped: boolean): Manifest[] {
  if (isStopped) return [];
  return [...(scaleOf(parts).min > 1 ? [disruptionBudget(parts)] : []), knativeService(parts, config)];
}
