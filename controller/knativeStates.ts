// How workers on Knative and the Triggers of workers are, out of what Knative reports. Pure; workers.ts asks.
import type { V1Pod } from '@kubernetes/client-node';
import { knative } from '../config/knative.ts';
import type { Manifest } from './objects/manifest.ts';

type Pod = Manifest & { status?: V1Pod['status'] };
type Trouble = { reason: string; message: string };

interface Reported {
  observedGeneration?: number;
  latestCreatedRevisionName?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
}

const revisionLabel = 'serving.knative.dev/revision';

/** Pods of earlier revisions end by themselves: only those of the newest count. */
export function knativeState(
  applied: Manifest,
  observed: Manifest | undefined,
  pods: readonly Pod[],
): { wanted: number; ready: number; trouble?: Trouble } {
  const report = reportOf(observed);
  const { latestCreatedRevisionName: newest } = report;
  const running = pods.filter(
    ({ metadata, status }) =>
      newest !== undefined &&
      metadata.labels?.[revisionLabel] === newest &&
      status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True'),
  ).length;
  const { template } = applied['spec'] as { template: { metadata: { annotations: Record<string, string> } } };
  const least = Number(template.metadata.annotations[knative.scaleAnnotations.min]);
  // With no least number a Service that is ready is as it should be, whether or not anything runs at the moment.
  const wanted = Math.max(least, 1);
  const isReady = isCurrent(observed, report) && conditionOf(report, 'Ready')?.status === 'True';
  const ready = !isReady ? 0 : least === 0 ? wanted : Math.min(running, wanted);
  const trouble = isCurrent(observed, report) ? serviceTrouble(report) : undefined;
  return { wanted, ready, ...(trouble && { trouble }) };
}

function serviceTrouble(report: Reported): Trouble | undefined {
  const ready = conditionOf(report, 'Ready');
  if (ready?.status !== 'False') return undefined;
  return {
    reason: ready.reason || 'KnativeServiceFailed',
    message: `its Knative Service is not ready: ${ready.message || 'no reason given'}`,
  };
}

/** A worker that no event reaches is of no use, however well it runs. */
export function triggerTrouble(observed: readonly Manifest[]): Trouble | undefined {
  for (const trigger of observed) {
    if (trigger.kind !== knative.trigger.kind) continue;
    const report = reportOf(trigger);
    const ready = isCurrent(trigger, report) ? conditionOf(report, 'Ready') : undefined;
    if (ready?.status === 'False')
      return {
        reason: ready.reason || 'TriggerFailed',
        message: `Trigger ${trigger.metadata.name} brings it no events: ${ready.message || 'no reason given'}`,
      };
  }
  return undefined;
}

function reportOf(object: Manifest | undefined): Reported {
  return (object?.['status'] as Reported | undefined) ?? {};
}

function isCurrent(object: Manifest | undefined, { observedGeneration = 0 }: Reported): boolean {
  return observedGeneration >= (object?.metadata.generation ?? 1);
}

function conditionOf({ conditions = [] }: Reported, type: string) {
  return conditions.find((condition) => condition.type === type);
}
