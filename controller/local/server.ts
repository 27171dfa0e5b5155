// The HTTP face of a local controller: what workers of the node, the kubelet and Prometheus ask. main.ts listens with it.
import type { Server } from 'node:http';
import { Gauge, Registry } from 'prom-client';
import { metric, type MetricName } from '../../config/metrics.ts';
import { createRoutedServer, RefusedError, type Route } from '../link/http.ts';
import type { Log } from '../log.ts';
import type { Link } from './link.ts';
import type { OutboxFigures } from '../../delivery/outbox.ts';
import type { TaskStore } from './store.ts';
import type { WorkerConfigs } from './workerConfigs.ts';

export interface ServerParts {
  store: Pick<TaskStore, 'tasks'>;
  link: Link;
  outbox: { figures(): OutboxFigures };
  configs: WorkerConfigs;
  /** Further routes, such as Sedna's. */
  routes: readonly Route[];
  log: Log;
}

/** Not listening yet. */
export function createLocalServer(parts: ServerParts): Server {
  const registry = metricsOf(parts);
  return createRoutedServer(
    [
      parts.configs.route,
      ...parts.routes,
      { method: 'GET', path: '/healthz', handle: () => ({ status: 200, body: 'ok\n' }) },
      { method: 'GET', path: '/readyz', handle: () => readiness(parts) },
      {
        method: 'GET',
        path: '/metrics',
        handle: async () => ({
          status: 200,
          body: await registry.metrics(),
          headers: { 'content-type': registry.contentType },
        }),
      },
    ],
    parts.log,
  );
}

/** Ready without the cloud as soon as there is something to serve: that is what it is for. */
function readiness({ store, link }: ServerParts) {
  if (link.connections() === 0 && store.tasks().length === 0)
    throw new RefusedError(503, `no task is known yet, and the controller is away: ${link.problem() ?? ''}`);
  return { status: 200, body: `ok${link.isConnected() ? '' : `, without the cloud: ${link.problem()}`}\n` };
}

function metricsOf({ store, link, outbox, configs }: ServerParts): Registry {
  const registry = new Registry();
  const gauge = (name: MetricName, read: () => number) => {
    new Gauge({
      ...metric(name),
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('mei_lc_connected', () => Number(link.isConnected()));
  gauge('mei_lc_connections', () => link.connections());
  gauge('mei_lc_tasks', () => store.tasks().length);
  gauge('mei_lc_outbox_events', () => outbox.figures().waiting);
  gauge('mei_lc_outbox_bytes', () => outbox.figures().bytes);
  gauge('mei_lc_outbox_oldest_seconds', () => outbox.figures().oldestS);
  gauge('mei_lc_outbox_dead_letters', () => outbox.figures().deadLetters);
  gauge('mei_lc_workers_waiting', () => configs.waiting());
  return registry;
}
