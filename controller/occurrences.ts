// Events on the task: what changed in its conditions, for `kubectl describe`. Pure; reconcile.ts posts them.
import type { Task } from '../config/schema/resource.ts';
import type { Condition } from './conditions.ts';
import type { Manifest } from './objects/manifest.ts';

interface Occurrence {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** Those that say something else than before. */
export function changedConditions(before: readonly Condition[], after: readonly Condition[]): Condition[] {
  return after.filter(({ type, status, reason }) => {
    const old = before.find((condition) => condition.type === type);
    return old?.status !== status || old.reason !== reason;
  });
}

/** Only changes that somebody may want to act on: not that everything begins as unknown, or comes up as it should. */
export function occurrencesOf(before: readonly Condition[], after: readonly Condition[]): Occurrence[] {
  return changedConditions(before, after).flatMap((condition): Occurrence[] => {
    const old = before.find(({ type }) => type === condition.type);
    const { type, status, reason, message } = condition;
    const claim = `${type} ${status}`;
    if (claim === 'Completed True') return [{ type: 'Normal', reason, message }];
    if (['ModelsResolved False', 'WorkersCreated False', 'Degraded True'].includes(claim))
      return [{ type: 'Warning', reason, message }];
    if (claim === 'Degraded False' && old?.status === 'True')
      return [{ type: 'Normal', reason: 'Recovered', message: 'nothing is wrong any more' }];
    if (claim === 'Ready False' && reason === 'Suspended') return [{ type: 'Normal', reason, message }];
    return [];
  });
}

export function eventOf(
  { apiVersion, kind, metadata }: Task,
  { type, reason, message }: Occurrence,
  now: string,
  reporter: string,
): Manifest {
  const { name, namespace, uid, resourceVersion } = metadata;
  const unique = Date.parse(now).toString(16);
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${reason.toLowerCase()}.${unique}`, namespace },
    involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion },
    type,
    reason,
    message,
    source: { component: reporter },
    reportingComponent: reporter,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
