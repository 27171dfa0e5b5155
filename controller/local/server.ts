// The HTTP face of a local controller: what workers of the node, the kubelet and Prometheus ask. main.ts listens with it.
import type { Server } from 'node:http';
import { Gauge, Registry } from 'prom-client';
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
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('mei_lc_connected', 'Whether the controller is connected.', () => Number(link.isConnected()));
  gauge('mei_lc_connections', 'Connections to the controller so far.', () => link.connections());
  gauge('mei_lc_tasks', 'Tasks that are stored.', () => store.tasks().length);
  gauge('mei_lc_outbox_events', 'Events that wait for the cloud.', () => outbox.figures().waiting);
  gauge('mei_lc_outbox_bytes', 'Bytes of them.', () => outbox.figures().bytes);
  gauge('mei_lc_outbox_oldest_seconds', 'How long the oldest has waited.', () => outbox.figures().oldestS);
  gauge('mei_lc_outbox_dead_letters', 'Events refused for good.', () => outbox.figures().deadLetters);
  gauge('mei_lc_workers_waiting', 'Workers that wait for another configuration.', () => configs.waiting());
  return registry;
}
