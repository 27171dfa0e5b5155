// Which workers of a task send and take events through JetStream, and how. Pure; desired.ts asks for each worker.
import { quantityBytes, durationSeconds } from '../config/quantities.ts';
import type { Task } from '../config/schema/resource.ts';
import type { JetStreamConfig, StageName } from '../config/worker.ts';
import { domainOf, streamNames } from '../delivery/jetstream/names.ts';

/** What is asked here of a worker. */
export interface Place {
  /** Of those who stand in for each other, the name of the first. */
  receiver: string;
  placement: 'edge' | 'cloud';
  stages: readonly StageName[];
  node: string;
}

/** Others take pictures of people, which are written to no disk on their way. */
const takers: ReadonlySet<StageName> = new Set(['match', 'status']);

export function usesJetStream({ spec }: Pick<Task, 'spec'>): boolean {
  return spec.delivery.type === 'Broker' && spec.delivery.broker?.url !== undefined;
}

/** Whether events for such a worker travel through the stream. */
function takesFromStream(task: Task, { placement, stages }: Place): boolean {
  return usesJetStream(task) && placement === 'cloud' && stages.every((stage) => takers.has(stage));
}

/**
 * @param places of all workers
 * @param streamId tells this life of the task from others of the same name
 * @returns undefined for workers that have nothing to do with the stream
 */
export function jetStreamOf(
  task: Task,
  place: Place,
  places: readonly Place[],
  receivers: ReadonlySet<string>,
  streamId: string,
): JetStreamConfig | undefined {
  const takes = takesFromStream(task, place);
  const sends = places.some((other) => receivers.has(other.receiver) && takesFromStream(task, other));
  if (!takes && !sends) return undefined;
  const { url = '', jetStream } = task.spec.delivery.broker!;
  const { maxBytes = '1Gi', maxAge = '24h', replicas = 1, leaf } = jetStream ?? {};
  const isAtLeaf = leaf !== undefined && place.placement === 'edge';
  const nodes = new Set(places.filter(({ placement }) => placement === 'edge').map(({ node }) => node));
  return {
    url: isAtLeaf ? leaf.url : url,
    ...streamNames(task.metadata.namespace, task.metadata.name, streamId),
    maxBytes: quantityBytes(maxBytes),
    maxAgeS: durationSeconds(maxAge),
    replicas,
    ...(isAtLeaf && { domain: domainOf(place.node) }),
    // One worker sees to them: several would undo what the others do.
    leaves:
      leaf !== undefined && takes && place.stages.includes('match')
        ? [...nodes].map(domainOf).toSorted()
        : [],
    ...(takes && { receiver: place.receiver }),
  };
}
