// What every worker last said about each of its stages, and the latest changes. Kept by the status handler.
import type { ReportData } from '../../../config/events.ts';

/** One change worth remembering: a stage of a worker went to another phase or has another message. */
export interface Change {
  time: number;
  node: string;
  worker: string;
  stage: string;
  sequence: number;
  phase: ReportData['phase'];
  message?: string;
}

export interface Ledger {
  /** By worker and stage; the least recently updated first. */
  latest: Map<string, ReportData>;
  /** Oldest first, bounded. */
  changes: Change[];
}

const mostStages = 4096;
const mostChanges = 64;

export function emptyLedger(): Ledger {
  return { latest: new Map(), changes: [] };
}

/** Takes a report; false when a newer one of the same worker and stage was there before. */
export function record(ledger: Ledger, report: ReportData): boolean {
  const key = `${report.node}/${report.worker}/${report.stage}`;
  const before = ledger.latest.get(key);
  if (before && before.sequence >= report.sequence) return false;
  ledger.latest.delete(key);
  ledger.latest.set(key, report);
  if (ledger.latest.size > mostStages) ledger.latest.delete(ledger.latest.keys().next().value!);
  if (!before || before.phase !== report.phase || before.message !== report.message) {
    const { time, node, worker, stage, sequence, phase, message } = report;
    ledger.changes.push({
      time,
      node,
      worker,
      stage,
      sequence,
      phase,
      ...(message !== undefined && { message }),
    });
    if (ledger.changes.length > mostChanges) ledger.changes.shift();
  }
  return true;
}
