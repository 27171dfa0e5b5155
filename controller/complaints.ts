// What running workers say is wrong with their work, such as a picture that is not there: conditions.ts puts it into `Degraded`.
import type { Status } from '../config/schema/status.ts';

type Report = NonNullable<Status['reports']>[number];

/** Of each worker and stage what it said last, in words; in the order of `workers`, the names of those that there are now. */
export function complaintsOf({ reports = [], owner }: Status, workers: readonly string[]): string[] {
  const latest = new Map<string, Report>();
  for (const report of reports) {
    const key = `${report.worker}/${report.stage}`;
    if ((latest.get(key)?.sequence ?? -1) < report.sequence) latest.set(key, report);
  }
  const words = (worker: string) =>
    [...latest.values()]
      .filter((report) => report.worker === worker && !standsBy(report, owner))
      .flatMap(({ message }) => (message ? [`worker ${worker}: ${message}`] : []));
  // Stages of one worker often say the same.
  return [...new Set(workers.flatMap(words))];
}

/** Of several match workers one decides; that another one does is nothing wrong. */
function standsBy({ stage, worker }: Report, owner: string | undefined): boolean {
  return stage === 'match' && owner !== undefined && owner !== worker;
}
