// What the API server itself says of its work: the second count of requests, and the processor time of the server's side.
import { cpus } from 'node:os';
import { ownedResources, taskResource } from '../../controller/resources.ts';
import type { Cluster as TestCluster } from '../../test/support/cluster/cluster.ts';

export interface ServerFigures {
  /** Writes of the kinds that only the controller (or the floor) writes, and of tasks' statuses. */
  writes: number;
  /** Of them, writes of statuses. */
  statusWrites: number;
  /** Events that the controller posted. */
  events: number;
  apiServerCpuMs: number;
  etcdCpuMs: number;
  /** All processes of the machine. */
  machineCpuMs: number;
}

/** Updates by the API group's own controllers are PUTs; tasks themselves are applied by the client of the benchmark. */
const verbs = 'POST|APPLY|PATCH|DELETE';
const reporter = 'multi-edge-inference-controller';
const owned = ownedResources.map(({ plural }) => plural).join('|');

export async function serverFigures({ request, etcdUrl }: TestCluster): Promise<ServerFigures> {
  const [server, etcd, events] = await Promise.all([
    request('GET', '/metrics').then(({ body }) => body as string),
    fetch(`${etcdUrl}/metrics`).then((answer) => answer.text()),
    request('GET', `/api/v1/events?fieldSelector=reportingComponent=${reporter}`).then(
      ({ body }) => body as { items: unknown[] },
    ),
  ]);
  let objects = 0;
  let statusWrites = 0;
  for (const [, labels, count] of server.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)) {
    const has = (name: string, pattern: string) => new RegExp(`(^|,)${name}="(${pattern})"`).test(labels!);
    if (!has('verb', verbs)) continue;
    if (has('resource', owned) && has('subresource', '')) objects += Number(count);
    if (has('resource', taskResource.plural) && has('subresource', 'status')) statusWrites += Number(count);
  }
  return {
    writes: objects + statusWrites,
    statusWrites,
    events: events.items.length,
    apiServerCpuMs: cpuMs(server),
    etcdCpuMs: cpuMs(etcd),
    machineCpuMs: cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0),
  };
}

export function difference(after: ServerFigures, before: ServerFigures): ServerFigures {
  const names = Object.keys(after) as (keyof ServerFigures)[];
  return Object.fromEntries(
    names.map((name) => [name, after[name] - before[name]]),
  ) as unknown as ServerFigures;
}

function cpuMs(metrics: string): number {
  return Number(/^process_cpu_seconds_total (\S+)$/m.exec(metrics)?.[1]) * 1000;
}
