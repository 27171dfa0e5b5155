// Takes events of a worker of this node for the cloud, for programs that have no disk of their own: 202 once they are stored.
// server.ts mounts it.
import { eventTypes } from '../../config/events.ts';
import { plural } from '../../config/schema/resource.ts';
import { parse, type Envelope } from '../../delivery/binding.ts';
import type { Rank } from '../../delivery/eventRows.ts';
import { RefusedError, type HttpRequest, type Route } from '../link/http.ts';
import { admitWorker } from './admission.ts';
import type { NodeOutbox } from './nodeOutbox.ts';
import type { StoredConfig, TaskStore } from './store.ts';

export interface WorkerEventsOptions {
  store: Pick<TaskStore, 'configs' | 'sinkOf'>;
  outbox: Pick<NodeOutbox, 'keep'>;
}

const bodyBytes = 4 << 20;

/** `POST /v1/workers/:worker/events`: a CloudEvent or a batch, to where this worker's events of their types go. */
export function workerEventsRoute({ store, outbox }: WorkerEventsOptions): Route {
  async function handle(request: HttpRequest) {
    const { params, query, headers, body } = request;
    const worker = params['worker']!;
    const namespace = query.get('namespace');
    const configs = store
      .configs(worker)
      .filter(({ task }) => namespace === null || task.namespace === namespace);
    if (configs.length === 0) throw new RefusedError(404, `worker ${worker} is not known on this node`);
    // Whoever knows none of their tokens is not told what is wrong with his events.
    admitWorker(
      request,
      configs.flatMap(({ tokens }) => tokens),
    );
    const envelopes = parse(headers, body, { batch: true });
    const routed = envelopes.map((envelope) => {
      const { task, tokens } = senderOf(configs, worker, envelope);
      admitWorker(request, tokens);
      checkSent(store, task.uid, worker, envelope);
      return { envelope, origin: { uid: task.uid, worker } };
    });
    await Promise.all(routed.map(({ envelope, origin }) => outbox.keep(envelope, origin, rankOf(envelope))));
    return { status: 202, body: { accepted: envelopes.length } };
  }
  return { method: 'POST', path: '/v1/workers/:worker/events', bodyBytes, handle };
}

/** Only in the name of a task of the worker. @throws RefusedError */
function senderOf(configs: readonly StoredConfig[], worker: string, { attributes }: Envelope): StoredConfig {
  const { source } = attributes as { source: string };
  const found = configs.find(({ task }) =>
    source.startsWith(`/namespaces/${task.namespace}/${plural}/${task.name}/`),
  );
  if (found) return found;
  throw new RefusedError(404, `worker ${worker} has no task on this node that ${source.slice(0, 200)} is of`);
}

/** Only what the worker's task sends. @throws RefusedError */
function checkSent(
  store: WorkerEventsOptions['store'],
  uid: string,
  worker: string,
  { attributes }: Envelope,
): void {
  const { type } = attributes as { type: string };
  if (store.sinkOf(uid, worker, type) === undefined)
    throw new RefusedError(422, `worker ${worker} sends no events of type ${type.slice(0, 200)}`);
}

function rankOf({ attributes }: Envelope): Rank {
  return attributes['type'] === eventTypes.report ? 'report' : 'lasting';
}
