// Takes what workers say about themselves in Sedna's words and makes a report for the status function of it. main.ts mounts it.
import { eventTypes } from '../../config/events.ts';
import { kind as taskKind, plural } from '../../config/schema/resource.ts';
import { stageNames, type StageName } from '../../config/worker.ts';
import { jsonObject, RefusedError, type HttpRequest, type Route } from '../link/http.ts';
import type { Outbox } from '../link/outbox.ts';
import { reportEvent, textField } from '../link/report.ts';
import type { StoredConfig, TaskStore } from './store.ts';

export interface WorkerInfoOptions {
  store: Pick<TaskStore, 'configs'>;
  outbox: Outbox;
  node: string;
  /** Milliseconds since the epoch. */
  now: () => number;
}

const bodyBytes = 256 << 10;

/** `POST /sedna/workers/:worker/info`: 202 once the report is on its way. */
export function workerInfoRoute(options: WorkerInfoOptions): Route {
  let sequence = 0;
  async function handle({ params, body }: HttpRequest) {
    const fields = jsonObject(body);
    const info = identityOf(fields, params['worker']!);
    const config = partsOf(known(options.store, info));
    const nowMs = options.now();
    // As in reports of our own workers: clock time, so that a restart goes on above the sequences before it.
    sequence = Math.max(sequence + 1, nowMs);
    const reporter = {
      task: info.ownerName,
      namespace: info.namespace,
      node: options.node,
      worker: info.name,
      stage: stageOf(info, config),
      sequence,
      nowMs,
    };
    // Both names of the proposal's field.
    const taskInfo = fields['ownerInfo'] ?? fields['taskInfo'];
    const event = reportEvent(reporter, textField(fields, 'status'), taskInfo, fields['results']);
    const url = config.sinks[eventTypes.report];
    if (url === undefined)
      throw new RefusedError(422, `the task of worker ${info.name} has nobody who takes reports`);
    await options.outbox.accept(event, url);
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

interface ConfigParts {
  stages: string[];
  sinks: Record<string, string>;
}

function partsOf({ text }: StoredConfig): ConfigParts {
  const { stages = [], sinks = {} } = JSON.parse(text) as Partial<ConfigParts>;
  return { stages, sinks };
}

function stageOf({ kind, name }: Identity, { stages }: ConfigParts): StageName {
  const own = stageNames.filter((stage) => stages.includes(stage));
  const found = own.find((stage) => stage === kind.toLowerCase());
  if (found) return found;
  throw new RefusedError(422, `kind ${kind} is no stage of worker ${name}: it has ${own.join(', ')}`);
}
