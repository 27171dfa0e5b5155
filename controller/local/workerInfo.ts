// Takes what workers say about themselves in Sedna's words and makes a report for the status function of it. main.ts mounts it.
import { eventTypes } from '../../config/events.ts';
import { kind as taskKind, plural } from '../../config/schema/resource.ts';
import { stageNames, type StageName } from '../../config/worker.ts';
import { jsonObject, RefusedError, type HttpRequest, type Route } from '../link/http.ts';
import { reportEvent, textField } from '../link/report.ts';
import { admitWorker } from './admission.ts';
import type { NodeOutbox } from './nodeOutbox.ts';
import type { StoredConfig, TaskStore } from './store.ts';

export interface WorkerInfoOptions {
  store: Pick<TaskStore, 'configs' | 'sinkOf'>;
  outbox: Pick<NodeOutbox, 'report' | 'nextReport'>;
  node: string;
  /** Milliseconds since the epoch. */
  now: () => number;
}

const bodyBytes = 256 << 10;

/** `POST /sedna/workers/:worker/info`: 202 once the report is on its way. */
export function workerInfoRoute(options: WorkerInfoOptions): Route {
  async function handle(request: HttpRequest) {
    const fields = jsonObject(request.body);
    const info = identityOf(fields, request.params['worker']!);
    const { task, tokens, text } = known(options.store, info);
    admitWorker(request, tokens);
    const nowMs = options.now();
    const reporter = {
      task: info.ownerName,
      namespace: info.namespace,
      node: options.node,
      worker: info.name,
      stage: stageOf(info, stagesOf(text)),
      sequence: options.outbox.nextReport(nowMs),
      nowMs,
    };
    // Both names of the proposal's field.
    const taskInfo = fields['ownerInfo'] ?? fields['taskInfo'];
    const event = reportEvent(reporter, textField(fields, 'status'), taskInfo, fields['results']);
    if (options.store.sinkOf(task.uid, info.name, eventTypes.report) === undefined)
      throw new RefusedError(422, `the task of worker ${info.name} has nobody who takes reports`);
    await options.outbox.report(event, { uid: task.uid, worker: info.name });
    return { status: 202, body: { accepted: event.id } };
  }
  return { method: 'POST', path: '/sedna/workers/:worker/info', bodyBytes, handle };
}

interface Identity {
  name: string;
  namespace: string;
  ownerName: string;
  kind: string;
}

function identityOf(fields: Record<string, unknown>, worker: string): Identity {
  const name = textField(fields, 'name');
  if (name !== worker) throw new RefusedError(422, `name is ${name}, but the address says worker ${worker}`);
  const owner = textField(fields, 'ownerKind');
  if (![taskKind.toLowerCase(), plural].includes(owner.toLowerCase()))
    throw new RefusedError(422, `ownerKind ${owner} is not known here: it must be ${taskKind}`);
  return {
    name,
    namespace: textField(fields, 'namespace'),
    ownerName: textField(fields, 'ownerName'),
    kind: textField(fields, 'kind'),
  };
}

function known(store: Pick<TaskStore, 'configs'>, { name, namespace, ownerName }: Identity): StoredConfig {
  const found = store
    .configs(name)
    .find(({ task }) => task.namespace === namespace && task.name === ownerName);
  if (!found)
    throw new RefusedError(404, `worker ${name} of task ${namespace}/${ownerName} is not known on this node`);
  return found;
}

function stagesOf(config: string): string[] {
  const { stages = [] } = JSON.parse(config) as { stages?: string[] };
  return stages;
}

function stageOf({ kind, name }: Identity, stages: readonly string[]): StageName {
  const own = stageNames.filter((stage) => stages.includes(stage));
  const found = own.find((stage) => stage === kind.toLowerCase());
  if (found) return found;
  throw new RefusedError(422, `kind ${kind} is no stage of worker ${name}: it has ${own.join(', ')}`);
}
