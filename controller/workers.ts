// How the workers of a task are, as their Deployments, Knative Services and pods show it. Pure; conditions.ts makes the status of it.
import type { V1Deployment, V1Pod, V1ContainerStatus } from '@kubernetes/client-node';
import type { StageName } from '../config/worker.ts';
import { lastComplaint } from './complaint.ts';
import type { DesiredWorker } from './desired.ts';
import { knativeState, triggerTrouble } from './knativeStates.ts';
import { workerLabel, type Manifest } from './objects/manifest.ts';
import { isWorkload } from './objects/runtime.ts';
import { keyOf } from './plan.ts';

export type WorkerPhase = 'Pending' | 'Starting' | 'Running' | 'Failed' | 'Stopped';

export interface WorkerState {
  name: string;
  stages: StageName[];
  node: string;
  /** Pods that should run. */
  wanted: number;
  ready: number;
  phase: WorkerPhase;
  /** Reason in one word, and in words with the way out. */
  trouble?: { reason: string; message: string };
  /** When the last of its pods became ready, milliseconds since the epoch. */
  readySinceMs?: number;
}

/** What is kept of a pod. */
export type PodView = Manifest & { spec?: { nodeName?: string }; status?: V1Pod['status'] };

/** @param manifests what was applied: how many pods each worker should have */
export function workerStates(
  workers: readonly DesiredWorker[],
  manifests: readonly Manifest[],
  observed: readonly Manifest[],
  pods: readonly PodView[],
): WorkerState[] {
  return workers.map((worker): WorkerState => {
    const { name, config } = worker;
    const isOwn = ({ metadata }: Manifest) => metadata.labels?.[workerLabel] === name;
    const own = pods.filter((pod) => isOwn(pod) && !pod.metadata.deletionTimestamp);
    const applied = manifests.find((manifest) => isOwn(manifest) && isWorkload(manifest));
    const seen = applied && observed.find((object) => keyOf(object) === keyOf(applied));
    const { wanted, ready, trouble: ofWorkload } = workloadState(applied, seen, own);
    const trouble =
      wanted === 0
        ? undefined
        : (firstTrouble(worker, own) ?? ofWorkload ?? triggerTrouble(observed.filter(isOwn)));
    const readySinceMs = Math.max(...own.map(readySince));
    return {
      name,
      stages: config.stages,
      node: config.node,
      wanted,
      ready,
      phase: phaseOf(wanted, ready, own, trouble),
      ...(trouble && { trouble }),
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
    ? deploymentState(applied, observed)
    : knativeState(applied, observed, pods);
}

function deploymentState(
  applied: Manifest & Pick<V1Deployment, 'spec'>,
  observed: (Manifest & Pick<V1Deployment, 'status'>) | undefined,
): WorkloadState {
  const { metadata, status } = observed ?? {};
  const isCurrent = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1);
  const ready = isCurrent ? Math.min(status?.readyReplicas ?? 0, status?.updatedReplicas ?? 0) : 0;
  const trouble = quotaTrouble(status);
  return { wanted: applied.spec?.replicas ?? 0, ready, ...(trouble && { trouble }) };
}

function phaseOf(
  wanted: number,
  ready: number,
  pods: readonly PodView[],
  trouble: WorkerState['trouble'],
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

function firstTrouble(worker: DesiredWorker, pods: readonly PodView[]): WorkerState['trouble'] {
  for (const pod of pods) {
    const trouble = podTrouble(worker, pod);
    if (trouble) return trouble;
  }
  return undefined;
}

/** The pod that would run is not even made, such as for a quota. */
function quotaTrouble(status: V1Deployment['status']): WorkerState['trouble'] {
  const failure = status?.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  );
  return failure && { reason: 'PodNotCreated', message: `its pod is not admitted: ${failure.message ?? ''}` };
}

function podTrouble(worker: DesiredWorker, { status }: PodView): WorkerState['trouble'] {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    return { reason: 'Unschedulable', message: placeTrouble(worker.nodeName, scheduled.message ?? '') };
  }
  // Beside the worker a pod may hold a proxy of Knative's or of a mesh.
  for (const container of status?.containerStatuses ?? []) {
    const ofContainer = containerTrouble(worker, container);
    if (ofContainer) return ofContainer;
  }
  if (status?.phase === 'Failed')
    return {
      reason: status.reason ?? 'PodFailed',
      message: `its pod failed: ${status.message ?? 'no reason given'}`,
    };
  return undefined;
}

/** The scheduler's words, without what it says about pods that could make room: none of them would. */
function placeTrouble(node: string | undefined, message: string): string {
  const why = message.replace(/[.,]?( no new claims to deallocate,)? preemption:.*$/s, '');
  if (node === undefined) return `no node takes it: ${why}`;
  const counts =
    /^0\/(\d+) nodes are available: (\d+) node\(s\) [^,]*(NodeAffinity|node affinity)[^,]*$/.exec(why);
  const isNowhere = counts !== null && counts[1] === counts[2];
  const advice = isNowhere ? ` (is there a node ${node}, with the labels that the task asks for?)` : '';
  return `node ${node} does not take it: ${why}${advice}`;
}

const imageReasons = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'];

function containerTrouble(
  { config }: DesiredWorker,
  { state, lastState, image, restartCount, started }: V1ContainerStatus,
): WorkerState['trouble'] {
  const waiting = state?.waiting;
  if (waiting?.reason !== undefined && imageReasons.includes(waiting.reason)) {
    // The kubelet's two words for one thing take turns.
    const reason = waiting.reason === 'ErrImagePull' ? 'ImagePullBackOff' : waiting.reason;
    const why = (waiting.message ?? '').replace(/^Back-off pulling image "[^"]*"(: ErrImagePull)?:? */, '');
    return { reason, message: `image ${image} cannot be pulled: ${why}` };
  }
  if (waiting?.reason === 'CreateContainerConfigError')
    return { reason: waiting.reason, message: `it cannot be started: ${waiting.message ?? ''}` };
  // Until it has started, a container that is tried again is still in the trouble that ended it.
  const isTriedAgain =
    waiting?.reason === 'CrashLoopBackOff' || (state?.running !== undefined && started === false);
  const ended = state?.terminated ?? (isTriedAgain ? lastState?.terminated : undefined);
  if (ended?.reason === 'OOMKilled')
    return {
      reason: 'OOMKilled',
      message: `it needed more memory than its limit: raise spec.stages.${config.stages[0]}.resources.limits.memory`,
    };
  if (waiting?.reason === 'CrashLoopBackOff' || (ended && ended.exitCode !== 0)) {
    const complaint = lastComplaint(ended?.message ?? '') ?? `code ${ended?.exitCode ?? 'unknown'}`;
    const times = restartCount === 1 ? 'once' : `${restartCount} times`;
    return { reason: 'CrashLoopBackOff', message: `it ended by itself (restarted ${times}): ${complaint}` };
  }
  return undefined;
}
