// What makes a Knative Broker hand a task's events to its workers in the cloud: one Trigger for each type a worker takes.
import { createHash } from 'node:crypto';
import { eventTypes } from '../../config/events.ts';
import { knative } from '../../config/knative.ts';
import type { Task } from '../../config/schema/resource.ts';
import type { StageName } from '../../config/worker.ts';
import type { DesiredTask, DesiredWorker } from '../desired.ts';
import { ownedMetadata, workerLabels, type Manifest } from './manifest.ts';
import type { WorkerParts } from './podTemplate.ts';
import { addressOf, brokerNameOf, knativeName, runsOnKnative, subscriptionsOf } from './runtime.ts';

export function triggers({ task, worker, functions }: WorkerParts, plan: DesiredTask): Manifest[] {
  const broker = brokerNameOf(task);
  return subscriptionsOf(worker, plan, functions).map(({ event, from, cameras }) => ({
    ...knative.trigger,
    metadata: {
      ...ownedMetadata(task, triggerName(`${worker.name}-${event}`, broker), workerLabels(task, worker)),
      annotations: knative.ordered,
    },
    spec: {
      broker,
      // For brokers that do not know `filters`; where both are known, `filters` decides.
      filter: { attributes: { type: eventTypes[event] } },
      filters: [
        { exact: { type: eventTypes[event] } },
        cameras ? ofCameras(task, from, cameras) : ofStages(task, from),
      ],
      subscriber: subscriberOf(task, worker),
      delivery: {
        ...knative.delivery,
        ...(task.spec.delivery.broker?.deadLetterUri !== undefined && {
          deadLetterSink: { uri: task.spec.delivery.broker.deadLetterUri },
        }),
      },
    },
  }));
}

/** A Trigger cannot change its Broker: with another one it is another Trigger. */
function triggerName(name: string, broker: string): string {
  const full = `${name}-${broker}`;
  if (full.length <= 63) return full;
  return `${full.slice(0, 56)}-${createHash('sha256').update(broker).digest('hex').slice(0, 6)}`;
}

/**
 * Events say in `source` of which task and stage they are. The stage matters where a stage passes a type on: detect and
 * embed both take and give `stream`, and must not hear their own.
 */
function ofStages(task: Task, stages: readonly StageName[]): object {
  const prefixes = (stages.length === 0 ? [''] : stages.map((stage) => `${stage}/`)).map((rest) => ({
    prefix: { source: `${prefixOf(task)}${rest}` },
  }));
  return prefixes.length === 1 ? prefixes[0]! : { any: prefixes };
}

/** Of workers that share the cameras each hears its own. */
function ofCameras(task: Task, stages: readonly StageName[], cameras: readonly string[]): object {
  const sources = stages.flatMap((stage) => cameras.map((camera) => `${prefixOf(task)}${stage}/${camera}`));
  return { any: sources.map((source) => ({ exact: { source } })) };
}

function prefixOf({ metadata }: Task): string {
  return `/namespaces/${metadata.namespace}/multiedgeinferences/${metadata.name}/`;
}

/** A reference to a plain Service would mean its port 80, which workers do not have: its address says the port. */
function subscriberOf(task: Task, worker: DesiredWorker): object {
  if (runsOnKnative(task, worker)) return { ref: { ...knative.service, name: knativeName(worker) } };
  return { uri: addressOf(task, worker) };
}
