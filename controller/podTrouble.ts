// Why a pod does not run, in words, out of what scheduler and kubelet write into its status. Pure; workers.ts asks.
import type { V1ContainerStatus } from '@kubernetes/client-node';
import { lastComplaint } from './complaint.ts';
import type { DesiredWorker } from './desired.ts';
import type { PodView } from './podView.ts';

/** Reason in one word, and in words with the way out. */
export interface Trouble {
  reason: string;
  message: string;
}

/**
 * Of the first pod that has any.
 * @param warnings what the kubelet says of pods that it cannot prepare, by uid
 */
export function firstTrouble(
  worker: DesiredWorker,
  pods: readonly PodView[],
  warnings: ReadonlyMap<string, Trouble>,
): Trouble | undefined {
  for (const pod of pods) {
    const trouble = podTrouble(worker, pod) ?? warnings.get(pod.metadata.uid ?? '');
    if (trouble) return trouble;
  }
  return undefined;
}

/** What keeps a pod from starting that is on its node already; undefined when nothing does, or nobody can tell. */
export function unmetNeeds(pods: readonly PodView[]): string | undefined {
  const pod = pods.find(isBeingPrepared);
  if (!pod) return undefined;
  return `node ${pod.spec?.nodeName ?? 'unknown'} prepares its volumes and network; if it goes on, kubectl describe pod ${pod.metadata.name} says why`;
}

/** Its node has it, and has not come as far as to pull its image. */
export function isBeingPrepared({ status }: PodView): boolean {
  const isReady = status?.conditions?.find(({ type }) => type === 'PodReadyToStartContainers')?.status;
  const waiting = status?.containerStatuses?.[0]?.state?.waiting?.reason;
  return isReady === 'False' && waiting === 'ContainerCreating';
}

/** It will never run again; its Deployment makes another one. */
export function hasEnded({ status }: PodView): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded';
}

function podTrouble(worker: DesiredWorker, { status }: PodView): Trouble | undefined {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    return { reason: 'Unschedulable', message: placeTrouble(worker.nodeName, scheduled.message ?? '') };
  }
  // Beside the worker a pod may hold a proxy of Knative's or of a mesh.
  for (const container of status?.containerStatuses ?? []) {
    const ofContainer = containerTrouble(worker, container);
    if (ofContainer) return ofContainer;
  }
  if (status?.phase === 'Failed') {
    const what = status.reason === 'Evicted' ? 'its node evicted it' : 'its pod failed';
    return {
      reason: status.reason ?? 'PodFailed',
      message: `${what}: ${status.message?.trim() ?? 'no reason given'}`,
    };
  }
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
): Trouble | undefined {
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
