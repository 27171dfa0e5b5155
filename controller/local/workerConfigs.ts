// Workers of this node read their configuration here, and wait here for the next one. server.ts mounts the route.
import { RefusedError, type HttpAnswer, type HttpRequest, type Route } from '../link/http.ts';
import type { StoredConfig, TaskStore } from './store.ts';

const mostWaiting = 512;
const longestWaitS = 60;

export interface WorkerConfigs {
  route: Route;
  /** Wakes those who wait for these workers. */
  changed(workers: readonly string[]): void;
  waiting(): number;
}

/**
 * `GET /v1/workers/:worker/config[?namespace=a]`: the configuration, with an ETag. With `If-None-Match` and `Prefer: wait=30`
 * the answer comes when there is another one, or 304 after so many seconds.
 */
export function workerConfigs(store: Pick<TaskStore, 'configs'>): WorkerConfigs {
  const waiting = new Map<string, Set<() => void>>();
  let count = 0;

  /** Resolves at the next change of the worker's configuration, after `ms`, or when the caller has gone. */
  async function nextChange(worker: string, ms: number, signal: AbortSignal): Promise<void> {
    if (count >= mostWaiting) throw new RefusedError(503, 'too many wait already', { 'retry-after': '5' });
    const wakers = waiting.get(worker) ?? new Set();
    waiting.set(worker, wakers);
    count++;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        resolve();
        if (!wakers.delete(wake)) return;
        count--;
        if (wakers.size === 0) waiting.delete(worker);
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake, { once: true });
      wakers.add(wake);
    });
  }

  async function handle({ params, query, headers, signal }: HttpRequest): Promise<HttpAnswer> {
    const worker = params['worker']!;
    const namespace = query.get('namespace');
    const seen = headers['if-none-match'];
    const waitMs = waitOf(headers['prefer']) * 1000;
    let found = only(store.configs(worker), worker, namespace);
    if (waitMs > 0 && found && seen === `"${found.tag}"`) {
      await nextChange(worker, waitMs, signal);
      found = only(store.configs(worker), worker, namespace);
    }
    if (!found)
      throw new RefusedError(
        404,
        `worker ${worker} is not known on this node: no task of it has been sent here`,
      );
    const etag = `"${found.tag}"`;
    const tags = { etag, 'cache-control': 'no-store' };
    if (seen === etag) return { status: 304, headers: tags };
    return { status: 200, body: found.text, headers: { ...tags, 'content-type': 'application/json' } };
  }

  return {
    route: { method: 'GET', path: '/v1/workers/:worker/config', handle },
    waiting: () => count,
    changed(workers) {
      for (const worker of workers) for (const wake of [...(waiting.get(worker) ?? [])]) wake();
    },
  };
}

/** @throws RefusedError when the name alone does not say which one */
function only(configs: StoredConfig[], worker: string, namespace: string | null): StoredConfig | undefined {
  const fitting = configs.filter(({ task }) => namespace === null || task.namespace === namespace);
  if (fitting.length > 1) {
    const names = fitting.map(({ task }) => task.namespace).join(', ');
    throw new RefusedError(409, `worker ${worker} exists in several namespaces (${names}): add ?namespace=`);
  }
  return fitting[0];
}

/** Seconds of `Prefer: wait=N` (RFC 7240). */
function waitOf(prefer: string | string[] | undefined): number {
  const seconds = /(?:^|[,;\s])wait=(\d{1,4})\b/.exec([prefer].flat().join(','))?.[1];
  return Math.min(Number(seconds ?? 0), longestWaitS);
}
