// The status stage: gathers what all workers report and keeps the task's status up to date where people look.
import { eventTypes, type IdentitiesData, type ReportData, type StageEvent } from '../../config/events.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { PermanentError, type Log, type StageFunction } from '../function.ts';
import { fileChangeLog, type ChangeLog } from './changeLog.ts';
import { clusterSink } from './clusterSink.ts';
import { emptyLedger, record } from './core/ledger.ts';
import { statusOf } from './core/rollup.ts';
import { podRequest } from './podRequest.ts';
import { fileSink, type StatusSink } from './sink.ts';
import { Writer } from './writer.ts';

export interface StatusDependencies {
  sink: StatusSink;
  changeLog: ChangeLog;
  task: { name: string; namespace: string };
  /** Ids of all cameras of the task. */
  cameras: string[];
  /** Least time between two writes. */
  intervalMs: number;
}

const phases = new Set(['Starting', 'Running', 'Completed', 'Failed']);

/** The stage bound to where the status goes. */
export function createStatus({
  sink,
  changeLog,
  task,
  cameras: first,
  intervalMs,
}: StatusDependencies): StageFunction {
  let cameras = first;
  const ledger = emptyLedger();
  const writer = new Writer(() => sink.write(statusOf(ledger, cameras)), intervalMs);
  const figures = { reports: 0, stale: 0, changes: 0, repeated: 0 };

  function takeReport(report: ReportData): void {
    checkTask(report);
    checkReport(report);
    const isNewer = record(ledger, report);
    figures[isNewer ? 'reports' : 'stale'] += 1;
    if (isNewer) writer.changed();
  }

  async function takeIdentities(event: StageEvent<IdentitiesData>): Promise<void> {
    checkTask(event.data);
    const { source, id, data } = event;
    for (const change of data.changes) if (change.kind === 'erased') await changeLog.erase(change);
    const changes = data.changes.filter(({ kind }) => kind !== 'erased');
    if (changes.length === 0) return;
    const isNew = await changeLog.append(`${source}#${id}`, changes);
    figures[isNew ? 'changes' : 'repeated'] += isNew ? changes.length : 1;
  }

  function checkTask(data: { task: string; namespace: string }): void {
    if (data?.task === task.name && data.namespace === task.namespace) return;
    throw new PermanentError(
      `this is the status of task ${task.namespace}/${task.name}, not of ${data?.namespace}/${data?.task}`,
    );
  }

  return {
    async handle(event) {
      if (event.type === eventTypes.report) takeReport((event as StageEvent<ReportData>).data);
      else if (event.type === eventTypes.identities)
        await takeIdentities(event as StageEvent<IdentitiesData>);
      else throw new PermanentError(`status takes reports and identities, not ${event.type}`);
    },
    async reconfigure(next) {
      cameras = next.cameras.map(({ id }) => id);
      writer.changed();
      return true;
    },
    shutdown: () => writer.finish(),
    readiness() {
      if (writer.failure) throw writer.failure;
    },
    status: () => ({ phase: 'Running', cameras: [], figures: { ...figures } }),
    snapshot: () => ({ ...statusOf(ledger, cameras), ...sink.others?.() }),
  };
}

function checkReport(report: ReportData): void {
  const from = `report of ${report.worker}/${report.stage}`;
  for (const name of ['node', 'worker', 'stage'] as const) {
    if (typeof report[name] !== 'string' || report[name] === '')
      throw new PermanentError(`${from}: ${name} is missing`);
  }
  if (!Number.isFinite(report.sequence)) throw new PermanentError(`${from}: sequence is no number`);
  if (!Number.isFinite(report.time)) throw new PermanentError(`${from}: time is no number`);
  if (!phases.has(report.phase))
    throw new PermanentError(`${from}: phase ${String(report.phase)} is not known`);
  if (!Array.isArray(report.cameras)) throw new PermanentError(`${from}: cameras is no list`);
}

/** Wires the stage to the resource when MEI_STATUS_SINK says `cluster`, else to `status.json` in the worker's folder. */
export async function create(
  worker: WorkerConfig,
  log: Log,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<StageFunction> {
  const folder = worker.storeFolder;
  if (folder === undefined) throw new PermanentError('status needs a folder to write to: set storeFolder');
  const isInCluster = environment['MEI_STATUS_SINK'] === 'cluster';
  log.info({ stage: 'status', folder, sink: isInCluster ? 'resource' : 'file' }, 'status goes there');
  return createStatus({
    sink: isInCluster
      ? clusterSink({ task: worker.task, request: podRequest(environment) })
      : fileSink(folder),
    changeLog: fileChangeLog(folder, {
      ...(worker.match.retentionS !== undefined && { retentionS: worker.match.retentionS }),
    }),
    task: worker.task,
    cameras: worker.cameras.map((camera) => camera.id),
    intervalMs: 1000,
  });
}
