// How the workers of a task are, as their Deployments, Knative Services and pods show it. Pure; conditions.ts makes the status of it.
import type { V1Deployment } from '@kubernetes/client-node';
import type { StageName } from '../config/worker.ts';
import type { DesiredWorker } from './desired.ts';
import { knativeState, triggerTrouble } from './knativeStates.ts';
import { hashAnnotation, workerLabel, type Manifest } from './objects/manifest.ts';
import { isWorkload } from './objects/runtime.ts';
import { keyOf } from './plan.ts';
import { firstTrouble, hasEnded, unmetNeeds, type Trouble } from './podTrouble.ts';
import type { PodView } from './podView.ts';

export type WorkerPhase = 'Pending' | 'Starting' | 'Running' | 'Failed' | 'Stopped';

export interface WorkerState {
  name: string;
  stages: StageName[];
  node: string;
  /** Pods that should run. */
  wanted: number;
  ready: number;
  phase: WorkerPhase;
  trouble?: Trouble;
  /** What it waits for before it can start, in words. */
  waitsFor?: string;
  /** When the last of its pods became ready, milliseconds since the epoch. */
  readySinceMs?: number;
}

/**
 * @param manifests what was applied: how many pods each worker should have
 * @param warnings what the kubelet says of pods that it cannot prepare, by uid
 */
export function workerStates(
  workers: readonly DesiredWorker[],
  manifests: readonly Manifest[],
  observed: readonly Manifest[],
  pods: readonly PodView[],
  warnings: ReadonlyMap<string, Trouble> = new Map(),
): WorkerState[] {
  return workers.map((worker): WorkerState => {
    const { name, config } = worker;
    const isOwn = ({ metadata }: Manifest) => metadata.labels?.[workerLabel] === name;
    const own = pods.filter((pod) => isOwn(pod) && !pod.metadata.deletionTimestamp);
    const applied = manifests.find((manifest) => isOwn(manifest) && isWorkload(manifest));
    const seen = applied && observed.find((object) => keyOf(object) === keyOf(applied));
    const { wanted, ready, trouble: ofWorkload } = workloadState(applied, seen, own);
    // Pods that have ended stay for people to look at; they tell why another one is needed, until it is there.
    const [alive, ended] = [own.filter((pod) => !hasEnded(pod)), own.filter(hasEnded)];
    const ofPods =
      firstTrouble(worker, alive, warnings) ??
      (ready < wanted ? firstTrouble(worker, ended, warnings) : undefined);
    const trouble =
      wanted === 0 ? undefined : (ofPods ?? ofWorkload ?? triggerTrouble(observed.filter(isOwn)));
    const waitsFor = ready < wanted ? unmetNeeds(own) : undefined;
    const readySinceMs = Math.max(...own.map(readySince));
    return {
      name,
      stages: config.stages,
      node: config.node,
      wanted,
      ready,
      phase: phaseOf(wanted, ready, own, trouble),
      ...(trouble && { trouble }),
      ...(waitsFor !== undefined && { waitsFor }),
      ...(Number.isFinite(readySinceMs) && { readySinceMs }),
    };
  });
}

type WorkloadState = Pick<WorkerState, 'wanted' | 'ready' | 'trouble'>;

function workloadState(
  applied: Manifest | undefined,
  observed: Manifest | undefined,
  pods: readonly PodView[],
): WorkloadState {
  if (!applied) return { wanted: 0, ready: 0 };
  return applied.kind === 'Deployment'
    ? deploymentState(applied, observed, pods)
    : knativeState(applied, observed, pods);
}

function deploymentState(
  applied: Manifest & Pick<V1Deployment, 'spec'>,
  observed: (Manifest & Pick<V1Deployment, 'status'>) | undefined,
  pods: readonly PodView[],
): WorkloadState {
  const wanted = applied.spec?.replicas ?? 0;
  // By the pods themselves: the cluster counts them later, and much later when there is a lot to count.
  const hash = applied.spec?.template.metadata?.annotations?.[hashAnnotation];
  const isReady = (pod: PodView) =>
    pod.metadata.annotations?.[hashAnnotation] === hash && Number.isFinite(readySince(pod));
  const trouble = quotaTrouble(observed?.status);
  return { wanted, ready: Math.min(wanted, pods.filter(isReady).length), ...(trouble && { trouble }) };
}

function phaseOf(
  wanted: number,
  ready: number,
  pods: readonly PodView[],
  trouble: Trouble | undefined,
): WorkerPhase {
  if (wanted === 0) return 'Stopped';
  if (trouble && trouble.reason !== 'Unschedulable') return 'Failed';
  if (ready >= wanted) return 'Running';
  return pods.some(({ status }) => status?.phase === 'Running') ? 'Starting' : 'Pending';
}

function readySince({ status }: PodView): number {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' ? Date.parse(String(ready.lastTransitionTime)) : Number.NaN;
}

/** The pod that would run is not even made, such as for a quota. */
function quotaTrouble(status: V1Deployment['status']): Trouble | undefined {
  const failure = status?.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  );
  return failure && { reason: 'PodNotCreated', message: `its pod is not admitted: ${failure.message ?? ''}` };
}
