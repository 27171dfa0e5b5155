// What match workers that stand by need of a task in a cluster. Pure; reconcile.ts asks before it brings anything about.
import type { Task } from '../config/schema/resource.ts';

/** One line for each reason why several match workers could not stand in for each other. */
export function standbyProblems({ spec }: Task): string[] {
  const { replicas = 1 } = spec.stages.match;
  if (replicas === 1 || spec.packing === 'PerNode') return [];
  const asked = `stages.match.replicas is ${replicas}`;
  return [
    ...(spec.retention.claimName === undefined && spec.retention.storeRef === undefined
      ? [
          `${asked}: workers that stand by need the same store: name a volume in retention.claimName, or a server in retention.storeRef`,
        ]
      : []),
    ...(spec.delivery.type === 'Broker' && spec.delivery.broker?.url === undefined
      ? [
          `${asked}: a Knative Broker cannot tell which of them decides: use delivery.type HTTP, JetStream, or one worker`,
        ]
      : []),
  ];
}
