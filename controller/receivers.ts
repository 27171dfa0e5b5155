// To whom a worker sends, where several workers share a stage: those that stand by, and those that each have some of the cameras.
// Pure; the backends ask, each with its own addresses.
import type { WorkerConfig } from '../config/worker.ts';
import type { DesiredWorker } from './desired.ts';

/** Every worker that this one may send to, in the order of their names. */
export function receiversOf(worker: DesiredWorker, workers: readonly DesiredWorker[]): DesiredWorker[] {
  const shards = Object.values(worker.shards ?? {}).flat();
  const names = new Set([...Object.values(worker.routes), ...shards]);
  return workers
    .filter(({ name, config: { group } }) => names.has(name) || (group !== undefined && names.has(group)))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Part of a worker's configuration. @param addressOf of a worker; undefined: events of that type are not sent */
export function sinksOf(
  worker: DesiredWorker,
  workers: readonly DesiredWorker[],
  addressOf: (worker: DesiredWorker) => string | undefined,
): Pick<WorkerConfig, 'sinks' | 'shards' | 'direct'> {
  const byName = new Map(workers.map((each) => [each.name, each]));
  const sinks: WorkerConfig['sinks'] = {};
  const direct: WorkerConfig['sinks'] = {};
  for (const [type, name] of Object.entries(worker.routes)) {
    const inTurn = [
      byName.get(name)!,
      ...workers.filter(({ name: other, config }) => config.group === name && other !== name),
    ];
    // Through a Broker all of them have one address.
    const addresses = new Set(inTurn.flatMap((each) => addressOf(each) ?? []));
    const receiver = byName.get(name)!.config.jetstream?.receiver;
    const overHttp = receiver === undefined ? sinks : direct;
    if (addresses.size > 0) overHttp[type] = [...addresses].join(' ');
    if (receiver !== undefined) sinks[type] = `nats:${receiver}`;
  }
  const own = new Set(worker.config.cameras.map(({ id }) => id));
  const shards = Object.entries(worker.shards ?? {}).flatMap(([type, names]) => {
    const parts = names.flatMap((name) => {
      const url = addressOf(byName.get(name)!);
      const cameras = byName
        .get(name)!
        .config.cameras.map(({ id }) => id)
        .filter((id) => own.has(id));
      return url === undefined ? [] : [{ url, cameras }];
    });
    return parts.length > 1 ? [[type, parts] as const] : [];
  });
  return {
    sinks,
    ...(Object.keys(direct).length > 0 && { direct }),
    ...(shards.length > 0 && { shards: Object.fromEntries(shards) }),
  };
}
