// Whether a task over recordings is done. Pure; reconcile.ts asks before it decides which workers run.
import type { Task } from '../config/schema/resource.ts';
import { sourceTypeOf } from '../config/schema/source.ts';
import type { WorkerState } from './workers.ts';

/** Reports come every few seconds: one that is so much younger than a worker's start is about what that worker did. */
const settleMs = 10_000;

/** Once completed it stays so until the spec is edited: the workers that said so are gone. */
export function wasCompleted({ metadata, status }: Task): boolean {
  const condition = status?.conditions?.find(({ type }) => type === 'Completed');
  return condition?.status === 'True' && condition.observedGeneration === metadata.generation;
}

/** Every node's reports say completed, and they are about the workers that run now. */
export function isCompleted(task: Task, workers: readonly WorkerState[]): boolean {
  if (!hasAnEnd(task)) return false;
  if (workers.some(({ wanted, ready }) => wanted === 0 || ready < wanted)) return false;
  const reports = new Map((task.status?.nodes ?? []).map((node) => [node.name, node]));
  const started = Math.max(...workers.map(({ readySinceMs }) => readySinceMs ?? Number.POSITIVE_INFINITY));
  return workers.every(({ node, stages }) => {
    if (stages.every((stage) => stage === 'status')) return true;
    const report = reports.get(node);
    const reportedMs = Date.parse(report?.lastReportTime ?? '');
    return report?.phase === 'Completed' && reportedMs >= started + settleMs;
  });
}

function hasAnEnd({ spec }: Task): boolean {
  return (
    spec.timing.mode === 'History' || spec.cameras.every(({ source }) => sourceTypeOf(source) === 'File')
  );
}
