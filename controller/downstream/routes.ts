// Sedna's REST routes of the controller: ask for a task to be sent again, and hand in a state from a node. server.ts mounts them.
import { eventTypes } from '../../config/events.ts';
import { kind, plural } from '../../config/schema/resource.ts';
import { stageNames } from '../../config/worker.ts';
import { jsonObject, RefusedError, type HttpRequest, type Route } from '../link/http.ts';
import type { Outbox } from '../link/outbox.ts';
import { reportEvent, textField } from '../link/report.ts';
import type { TaskRef } from '../link/events.ts';
import { operatorEntry } from './credentials.ts';
import type { Downstream } from './downstream.ts';

export interface RouteOptions {
  downstream: Downstream;
  outbox: Outbox;
  /** The controller's copy of a task; key: `namespace/name`. */
  task: (key: string) => { metadata: { uid?: string; generation?: number } } | undefined;
  /** @throws RefusedError 401 */
  authenticate: (request: HttpRequest, entry: string) => Promise<void>;
  /** Milliseconds since the epoch. */
  now: () => number;
}

const resourceBytes = 2 << 20;
const stateBytes = 256 << 10;

export function sednaRoutes(options: RouteOptions): Route[] {
  return [
    {
      method: 'POST',
      path: `/:namespace/sedna/downstream/${plural}/:name/insert`,
      bodyBytes: resourceBytes,
      handle: (request) => insert(options, request),
    },
    {
      method: 'POST',
      path: `/:namespace/sedna/upstream/${plural}/:name/status`,
      bodyBytes: stateBytes,
      handle: upstreamStatus(options),
    },
  ];
}

/** The resource in the body must be the one in the cluster: the API server alone says what a task is. */
async function insert({ downstream, task, authenticate }: RouteOptions, request: HttpRequest) {
  await authenticate(request, operatorEntry);
  const { namespace, name } = request.params as { namespace: string; name: string };
  const body = jsonObject(request.body);
  const metadata = (body['metadata'] ?? {}) as Partial<TaskRef>;
  if (body['kind'] !== kind) throw new RefusedError(422, `the body must be a ${kind}`);
  if (metadata.name !== name || (metadata.namespace ?? namespace) !== namespace)
    throw new RefusedError(422, 'metadata of the body and the address name different tasks');
  const key = `${namespace}/${name}`;
  const known = task(key)?.metadata;
  if (!known) throw new RefusedError(404, `there is no task ${key}: create it with kubectl apply`);
  if (metadata.uid !== undefined && metadata.uid !== known.uid)
    throw new RefusedError(409, `task ${key} was deleted and made anew: read it again`);
  if (metadata.generation !== undefined && metadata.generation !== known.generation)
    throw new RefusedError(
      409,
      `generation ${metadata.generation} of task ${key} is not the current one, ${known.generation}`,
    );
  const nodes = downstream.resend(key).map(({ node, isConnected, isConfirmed, generation }) => ({
    node,
    isConnected,
    isConfirmed,
    generation,
  }));
  return { status: 202, body: { task: key, generation: known.generation, nodes } };
}

/** `{phase, status, output: {taskInfo}}` with `?node=`: phase names the stage, as Sedna's phases name steps of a job. */
function upstreamStatus({ downstream, outbox, authenticate, now }: RouteOptions) {
  let sequence = 0;
  return async (request: HttpRequest) => {
    const { namespace, name } = request.params as { namespace: string; name: string };
    const node = request.query.get('node') ?? '';
    await authenticate(request, node);
    const share = downstream.share(`${namespace}/${name}`, node);
    if (!share) throw new RefusedError(403, `node ${node} has no part in task ${namespace}/${name}`);
    const body = jsonObject(request.body);
    const phase = textField(body, 'phase').toLowerCase();
    const stage = stageNames.find((each) => each === phase);
    const worker = stage && share.workers.find(({ stages }) => stages.includes(stage));
    if (!worker) {
      const stages = share.workers.flatMap((each) => each.stages).join(', ');
      throw new RefusedError(422, `phase ${phase} is no stage of node ${node}: it has ${stages}`);
    }
    const url = (worker.direct ?? worker.sinks)[eventTypes.report];
    if (url === undefined) throw new RefusedError(422, 'the task has nobody who takes reports');
    sequence = Math.max(sequence + 1, now());
    // Both names of the proposal's field.
    const { taskInfo, ownerInfo } = (body['output'] ?? {}) as { taskInfo?: unknown; ownerInfo?: unknown };
    const event = reportEvent(
      { task: name, namespace, node, worker: worker.worker, stage, sequence, nowMs: now() },
      textField(body, 'status'),
      taskInfo ?? ownerInfo,
      [],
    );
    await outbox.accept(event, url, url === worker.broker ? undefined : share.tokens[0]);
    return { status: 202, body: { accepted: event.id } };
  };
}
