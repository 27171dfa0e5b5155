// What each node has to know of a task: the configurations of the workers that run there. reconcile.ts publishes it.
import { createHash } from 'node:crypto';
import type { Task } from '../../config/schema/resource.ts';
import { canonicalJson } from '../../config/task.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import type { DesiredTask, DesiredWorker } from '../desired.ts';
import type { Share } from '../link/events.ts';
import { configOf } from '../manifests.ts';
import { workerLabel } from '../objects/manifest.ts';
import type { PodView } from '../podView.ts';
import type { TaskTokens } from '../taskTokens.ts';

export interface NodeShare extends Share {
  workers: WorkerConfig[];
  /** The node serves cameras of the task: the task counts as synced only when this one has confirmed. */
  isCounted: boolean;
}

/**
 * By node. Workers that are bound to no node count where their pods are; before they have one, nowhere.
 */
export function sharesOf(
  task: Task,
  plan: DesiredTask,
  pods: readonly PodView[],
  tokens: Pick<TaskTokens, 'of'>,
): Map<string, NodeShare> {
  const ofTask = tokens.of(task.metadata.uid ?? '');
  const byNode = new Map<string, DesiredWorker[]>();
  for (const worker of plan.workers)
    for (const node of nodesOf(worker, pods)) byNode.set(node, [...(byNode.get(node) ?? []), worker]);
  return new Map([...byNode].map(([node, own]) => [node, shareOf(task, own, plan, ofTask)]));
}

function nodesOf({ name, nodeName }: DesiredWorker, pods: readonly PodView[]): string[] {
  if (nodeName !== undefined) return [nodeName];
  const found = pods
    .filter(({ metadata }) => metadata.labels?.[workerLabel] === name && !metadata.deletionTimestamp)
    .flatMap(({ spec }) => spec?.nodeName ?? []);
  return [...new Set(found)];
}

function shareOf(task: Task, workers: DesiredWorker[], plan: DesiredTask, tokens: string[]): NodeShare {
  const { name, namespace, uid = '', generation = 1 } = task.metadata;
  const configs = workers.map((worker) => configOf(task, worker, plan));
  return {
    task: { namespace, name, uid, generation },
    digest: createHash('sha256')
      .update(canonicalJson([configs, tokens]))
      .digest('hex'),
    workers: configs,
    tokens,
    isCounted: workers.some(({ placement }) => placement === 'edge'),
  };
}
