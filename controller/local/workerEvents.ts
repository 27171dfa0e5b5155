// Takes events of a worker of this node for the cloud, for programs that have no disk of their own: 202 once they are stored.
// server.ts mounts it.
import { eventTypes } from '../../config/events.ts';
import { plural } from '../../config/schema/resource.ts';
import { parse, type Envelope } from '../../delivery/binding.ts';
import type { Rank } from '../../delivery/eventRows.ts';
import { RefusedError, type HttpRequest, type Route } from '../link/http.ts';
import type { TaskStore } from './store.ts';

export interface WorkerEventsOptions {
  store: Pick<TaskStore, 'configs'>;
  outbox: { keep(envelope: Envelope, url: string, rank: Rank): Promise<void> };
}

const bodyBytes = 4 << 20;

/** `POST /v1/workers/:worker/events`: a CloudEvent or a batch, to where this worker's events of their types go. */
export function workerEventsRoute({ store, outbox }: WorkerEventsOptions): Route {
  async function handle({ params, query, headers, body }: HttpRequest) {
    const worker = params['worker']!;
    const envelopes = parse(headers, body, { batch: true });
    const routed = envelopes.map((envelope) => ({
      envelope,
      url: destination(store, worker, query.get('namespace'), envelope),
    }));
    await Promise.all(routed.map(({ envelope, url }) => outbox.keep(envelope, url, rankOf(envelope))));
    return { status: 202, body: { accepted: envelopes.length } };
  }
  return { method: 'POST', path: '/v1/workers/:worker/events', bodyBytes, handle };
}

/** Only to where the worker's task sends such events, and only in the name of that task. */
function destination(
  store: WorkerEventsOptions['store'],
  worker: string,
  namespace: string | null,
  { attributes }: Envelope,
): string {
  const { source, type } = attributes as { source: string; type: string };
  const found = store
    .configs(worker)
    .filter(({ task }) => namespace === null || task.namespace === namespace)
    .find(({ task }) => source.startsWith(`/namespaces/${task.namespace}/${plural}/${task.name}/`));
  if (!found)
    throw new RefusedError(
      404,
      `worker ${worker} is not known on this node, or has no task that ${source.slice(0, 200)} is of`,
    );
  const { sinks = {} } = JSON.parse(found.text) as { sinks?: Record<string, string> };
  const url = Object.hasOwn(sinks, type) ? sinks[type] : undefined;
  if (url === undefined)
    throw new RefusedError(422, `worker ${worker} sends no events of type ${type.slice(0, 200)}`);
  return url;
}

function rankOf({ attributes }: Envelope): Rank {
  return attributes['type'] === eventTypes.report ? 'report' : 'lasting';
}
