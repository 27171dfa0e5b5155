// Where the status goes in a cluster: into the resource, by server-side apply. The controller writes phase, conditions and
// stages there; this writes what only workers know, as another field manager, so that neither undoes the other.
import { group, kind, plural, version } from '../../config/schema/resource.ts';
import type { Status } from '../../config/schema/status.ts';
import { PermanentError, TransientError } from '../function.ts';
import type { ApiRequest } from './podRequest.ts';
import type { StatusSink } from './sink.ts';

export interface ClusterSinkOptions {
  task: { name: string; namespace: string; uid: string };
  request: ApiRequest;
  /** Milliseconds of a clock that never goes back. */
  nowMs?: () => number;
}

interface Answer {
  metadata: { uid: string; resourceVersion: string };
  status?: Status;
}

const fieldManager = 'multi-edge-inference-status';
/** Figures that always move are written only so often: each write costs the API server and everybody who watches. */
const figuresEveryMs = 10_000;
const moving = new Set([
  'calibration',
  'ways',
  'lastReportTime',
  'fps',
  'people',
  'dropped',
  'progress',
  'currentTime',
]);
/** The controller writes into the same resource now and then: each of its writes may be in the way of one of ours. */
const mostConflicts = 4;

/**
 * The server does not compare a uid that is sent to /status, and the workers of a deleted task run on for a moment. So every
 * write names the version that it is based on, and versions are only taken from a resource that has this task's uid.
 */
export function clusterSink({
  task,
  request,
  nowMs = () => performance.now(),
}: ClusterSinkOptions): StatusSink {
  const { name, namespace, uid } = task;
  const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}/status`;
  let last: { standing: string; atMs: number } | undefined;
  let known: string | undefined;
  let others: ReturnType<NonNullable<StatusSink['others']>> = {};

  async function call(method: 'GET' | 'PATCH', query: string, body?: object) {
    try {
      const { status, text } = await request(method, `${path}${query}`, body);
      if (status === 409) return undefined;
      if (status < 200 || status > 299) throw new Error(`${status} ${messageIn(text)}`);
      const answer = JSON.parse(text) as Answer;
      // The answer to a write is the whole resource: nothing has to be read for what the controller says.
      const { conditions, observedGeneration } = answer.status ?? {};
      others = { ...(conditions && { conditions }), ...(observedGeneration && { observedGeneration }) };
      return answer.metadata;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TransientError(`the status cannot be written to ${path} (${why})`, { cause });
    }
  }

  async function versionOfOwnTask(): Promise<string | undefined> {
    const found = await call('GET', '');
    if (found && uid !== '' && found.uid !== uid)
      throw new PermanentError(
        `task ${namespace}/${name} was deleted and made anew (uid ${found.uid}, not ${uid}): this worker is of the old one and writes no more`,
      );
    return found?.resourceVersion;
  }

  async function apply(status: Status): Promise<void> {
    for (let conflicts = 0; conflicts < mostConflicts; conflicts++) {
      known ??= await versionOfOwnTask();
      const metadata = { name, namespace, ...(known !== undefined && { resourceVersion: known }) };
      const body = { apiVersion: `${group}/${version}`, kind, metadata, status };
      const written = await call('PATCH', `?fieldManager=${fieldManager}&force=true`, body);
      known = written?.resourceVersion;
      if (written) return;
    }
    throw new TransientError(
      `the status cannot be written to ${path} (others wrote first, ${mostConflicts} times)`,
    );
  }

  return {
    others: () => others,
    async write(status) {
      const { phase: _phase, stages: _stages, ...own } = status;
      const standing = JSON.stringify(own, (field, value: unknown) =>
        moving.has(field) ? undefined : value,
      );
      if (last?.standing === standing && nowMs() - last.atMs < figuresEveryMs) return;
      await apply(own);
      last = { standing, atMs: nowMs() };
    },
  };
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text.slice(0, 200);
  }
}
