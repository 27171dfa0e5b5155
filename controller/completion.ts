// Whether a task over recordings is done. Pure; reconcile.ts asks before it decides which workers run.
import { createHash } from 'node:crypto';
import { canonicalJson } from '../config/task.ts';
import type { Task } from '../config/schema/resource.ts';
import { sourceTypeOf } from '../config/schema/source.ts';
import type { DesiredTask } from './desired.ts';
import type { WorkerState } from './workers.ts';

/** Reports come every few seconds: one that is so much younger than a worker's start is about what that worker did. */
const settleMs = 10_000;

/** Digest of all that decides the results. How long they are kept, and how the work is shared out, is no part of it. */
export function workOf({ workers }: DesiredTask): string {
  const work = workers.flatMap(({ config }) => {
    const { batching: _batching, retentionS: _retention, vectorsS: _vectors, ...match } = config.match;
    const { cameras, classes, detect, embed, models, node, timing } = config;
    // Threads are the machine's; params alone are the task's.
    const asked = { detect: detect.params, embed: { ...embed.params, intervalS: embed.intervalS }, match };
    return config.stages.includes('ingest')
      ? [{ ...asked, cameras, classes, models, node, ...(timing && { timing }) }]
      : [];
  });
  return createHash('sha256').update(canonicalJson(work)).digest('hex').slice(0, 16);
}

/** Once completed it stays so until an edit asks for other results: the workers that said so are gone. */
export function wasCompleted({ status }: Task, work: string): boolean {
  const condition = status?.conditions?.find(({ type }) => type === 'Completed');
  return condition?.status === 'True' && status?.completedWork === work;
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
