// Which events of an edge worker wait on its node until the cloud has them. Pure; called by desired.ts.
import { join } from 'node:path';
import { eventTypes } from '../config/events.ts';
import { durationSeconds, quantityBytes } from '../config/quantities.ts';
import type { Task } from '../config/schema/resource.ts';
import type { OutboxConfig } from '../config/worker.ts';

/** Pictures of people may travel where a task allows it, but are never written to a disk on their way. */
const neverStored: readonly string[] = [eventTypes.frame, eventTypes.tracks];

/**
 * @param routes event type -> name of the worker that takes it
 * @param cloud names of the workers in the cloud
 * @param folder of all outboxes of the node
 * @returns undefined when nothing of it leaves the node
 */
export function outboxOf(
  { spec }: Task,
  worker: string,
  routes: Readonly<Record<string, string>>,
  cloud: ReadonlySet<string>,
  folder: string,
): OutboxConfig | undefined {
  const types = Object.keys(routes).filter((type) => cloud.has(routes[type]!) && !neverStored.includes(type));
  if (types.length === 0) return undefined;
  const { maxBytes, maxAge } = spec.delivery.outbox;
  return {
    folder: join(folder, worker),
    maxBytes: quantityBytes(maxBytes),
    maxAgeS: durationSeconds(maxAge),
    types,
  };
}
