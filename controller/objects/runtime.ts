// Where each worker runs and under which address the others reach it: the builders and reconcile's checks ask here.
import { eventTypes, type EventName } from '../../config/events.ts';
import type { FunctionList } from '../../config/functions.ts';
import { knative } from '../../config/knative.ts';
import type { Task } from '../../config/schema/resource.ts';
import { stageNames, type StageName } from '../../config/worker.ts';
import type { DesiredTask, DesiredWorker } from '../desired.ts';
import { usesJetStream } from '../jetStreams.ts';
import { workerPort, type Manifest } from './manifest.ts';

/**
 * Workers at the edge never do: nobody has shown Knative's gateways to reach nodes behind KubeEdge. Nor does the worker whose
 * store outlives its pods: Knative starts the new revision beside the old one, and two would write one store.
 */
export function runsOnKnative({ spec }: Task, { placement, config }: DesiredWorker): boolean {
  const { claimName, storeRef } = spec.retention;
  const keepsStore = (claimName ?? storeRef) !== undefined && config.stages.includes('match');
  return spec.runtime === 'Knative' && placement === 'cloud' && !keepsStore;
}

/**
 * A Knative Service makes a Service of its own name: another name than the Deployment's keeps the two apart, so that a
 * task can go from one to the other and back.
 */
export function knativeName({ name }: DesiredWorker): string {
  return `${name}-kn`;
}

/** Whether the object runs a worker's pods. */
export function isWorkload({ apiVersion, kind }: Pick<Manifest, 'apiVersion' | 'kind'>): boolean {
  return kind === 'Deployment' || apiVersion === knative.service.apiVersion;
}

/** Whether events for the worker travel through a Knative Broker. What stays at the edge, such as pictures, never does. */
export function hearsBroker({ spec }: Task, { placement }: DesiredWorker): boolean {
  return spec.delivery.type === 'Broker' && !usesJetStream({ spec }) && placement === 'cloud';
}

export function brokerNameOf({ spec }: Task): string {
  return spec.delivery.broker?.name ?? 'default';
}

/** Base URL of a worker, as senders inside the cluster write it. */
export function addressOf(task: Task, worker: DesiredWorker): string {
  const { namespace } = task.metadata;
  if (runsOnKnative(task, worker)) return `http://${knativeName(worker)}.${namespace}.svc.cluster.local/`;
  return `http://${worker.name}.${namespace}.svc:${workerPort}/`;
}

export interface Subscription {
  event: EventName;
  /** Stages whose output it is; none for reports, which all send. */
  from: StageName[];
  /** Where several workers share them: only of these. */
  cameras?: string[];
}

/** What a worker gets from others. */
export function subscriptionsOf(
  worker: DesiredWorker,
  { workers }: DesiredTask,
  { functions }: FunctionList,
): Subscription[] {
  return (Object.keys(eventTypes) as EventName[]).flatMap((event): Subscription[] => {
    const type = eventTypes[event];
    const senders = workers.filter(
      ({ routes, shards }) => routes[type] === worker.name || shards?.[type]?.includes(worker.name),
    );
    if (senders.length === 0) return [];
    if (event === 'report') return [{ event, from: [] }];
    const producers = stageNames.filter(
      (stage) =>
        functions[stage].produces.includes(event) &&
        senders.some(({ config }) => config.stages.includes(stage)) &&
        worker.config.stages.includes(nextAfter(stage, event, functions)!),
    );
    const isShared = senders.some(({ shards }) => shards?.[type]);
    return [
      {
        event,
        from: producers,
        ...(isShared && { cameras: worker.config.cameras.map(({ id }) => id) }),
      },
    ];
  });
}

function nextAfter(
  stage: StageName,
  event: EventName,
  functions: FunctionList['functions'],
): StageName | undefined {
  return stageNames
    .slice(stageNames.indexOf(stage) + 1)
    .find((candidate) => functions[candidate].consumes.includes(event));
}
