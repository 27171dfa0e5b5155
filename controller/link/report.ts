// From what a worker says in Sedna's words to a report of our own. The local controller's route and the controller's upstream
// route both take it.
import { eventTypes, type ReportData } from '../../config/events.ts';
import type { StageName } from '../../config/worker.ts';
import { RefusedError } from './http.ts';
import type { OutgoingEvent } from './outbox.ts';

/** Who reports, and when. */
export interface Reporter {
  task: string;
  namespace: string;
  node: string;
  worker: string;
  stage: StageName;
  sequence: number;
  /** Milliseconds since the epoch. */
  nowMs: number;
}

const phases: Record<string, ReportData['phase']> = {
  pending: 'Starting',
  starting: 'Starting',
  running: 'Running',
  completed: 'Completed',
  succeeded: 'Completed',
  failed: 'Failed',
};
const mostFigures = 200;

/**
 * @param taskInfo Sedna's `ownerInfo`, also called `taskInfo`
 * @throws RefusedError 422 naming the field
 */
export function reportEvent(
  reporter: Reporter,
  status: string,
  taskInfo: unknown,
  results: unknown,
): OutgoingEvent {
  const { nowMs, ...who } = reporter;
  const phase = phases[status.toLowerCase()];
  if (phase === undefined)
    throw new RefusedError(
      422,
      `status ${status} is not known: it must be one of ${Object.keys(phases).join(', ')}`,
    );
  const info = taskInfoOf(taskInfo ?? {});
  const data: ReportData = {
    ...who,
    time: nowMs / 1000,
    phase,
    cameras: [],
    figures: figuresOf(results ?? []),
    ...(info && { output: { taskInfo: info } }),
  };
  return eventOf(data);
}

/** @throws RefusedError 422 */
export function textField(body: Record<string, unknown>, field: string): string {
  const value = body[field];
  if (typeof value === 'string' && value !== '' && value.length <= 253) return value;
  throw new RefusedError(422, `${field} must be a text of 1 to 253 characters`);
}

type TaskInfo = NonNullable<NonNullable<ReportData['output']>['taskInfo']>;

/** Undefined when the worker says nothing of it. */
function taskInfoOf(value: unknown): TaskInfo | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RefusedError(422, 'ownerInfo must be an object');
  const fields = value as Record<string, unknown>;
  const count = fields['trackingObjectNumber'];
  // The proposal writes it without the second n.
  const isUnknown = fields['findUnknownObject'] ?? fields['findUnkownObject'];
  if (count === undefined && isUnknown === undefined) return undefined;
  if (count !== undefined && (!Number.isSafeInteger(count) || (count as number) < 0))
    throw new RefusedError(422, 'ownerInfo.trackingObjectNumber must be a whole number, 0 or more');
  if (isUnknown !== undefined && typeof isUnknown !== 'boolean')
    throw new RefusedError(422, 'ownerInfo.findUnknownObject must be true or false');
  return {
    trackingObjectNumber: (count as number | undefined) ?? 0,
    findUnknownObject: isUnknown ?? false,
    startTime: timeField(fields, 'startTime'),
    currentTime: timeField(fields, 'currentTime'),
  };
}

function timeField(fields: Record<string, unknown>, field: string): string {
  const value = fields[field];
  if (typeof value === 'string' && !Number.isNaN(Date.parse(value))) return new Date(value).toISOString();
  throw new RefusedError(422, `ownerInfo.${field} must be a time such as 2025-01-31T12:00:00Z`);
}

/** Numbers among the results' metrics; anything else has no place in a report. */
function figuresOf(results: unknown): Record<string, number> {
  if (!Array.isArray(results) || results.some((each) => typeof each !== 'object' || each === null))
    throw new RefusedError(422, 'results must be a list of objects');
  const numbers = (results as { metrics?: unknown }[]).flatMap(({ metrics }) =>
    Object.entries((metrics ?? {}) as Record<string, unknown>).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]),
    ),
  );
  return Object.fromEntries(
    numbers.slice(0, mostFigures).map(([name, value]) => [name.slice(0, 128), value]),
  );
}

function eventOf(data: ReportData): OutgoingEvent {
  const { namespace, task, stage, worker, sequence, time } = data;
  return {
    specversion: '1.0',
    id: `report-${sequence}`,
    source: `/namespaces/${namespace}/multiedgeinferences/${task}/${stage}/${worker}`,
    type: eventTypes.report,
    time: new Date(time * 1000).toISOString(),
    subject: stage,
    partitionkey: `${worker}/${stage}`,
    datacontenttype: 'application/json',
    data,
  };
}
