// Workers of this node read their configuration here, and wait here for the next one. server.ts mounts the route.
import { RefusedError, type HttpAnswer, type HttpRequest, type Route } from '../link/http.ts';
import type { TaskStore } from './store.ts';

const mostWaiting = 512;
const longestWaitS = 60;

export interface WorkerConfigs {
  route: Route;
  /** Wakes those who wait for these workers. */
  changed(workers: readonly string[]): void;
  waiting(): number;
}

/**
 * `GET /v1/workers/:worker/config?uid=...`: the configuration, with an ETag. The uid is the task's: nobody guesses it, and only
 * who may read the task's namespace knows it, as its workers do.
 * With `If-None-Match` and `Prefer: wait=30`
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
    const uid = query.get('uid') ?? '';
    const seen = headers['if-none-match'];
    const waitMs = waitOf(headers['prefer']) * 1000;
    const find = () => store.configs(worker).find(({ task }) => task.uid === uid);
    let found = find();
    if (waitMs > 0 && found && seen === `"${found.tag}"`) {
      await nextChange(worker, waitMs, signal);
      found = find();
    }
    if (!found)
      throw new RefusedError(
        404,
        `worker ${worker} is not known on this node: no task with the uid in ?uid= has been sent here`,
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

/** Seconds of `Prefer: wait=N` (RFC 7240). */
function waitOf(prefer: string | string[] | undefined): number {
  const seconds = /(?:^|[,;\s])wait=(\d{1,4})\b/.exec([prefer].flat().join(','))?.[1];
  return Math.min(Number(seconds ?? 0), longestWaitS);
}
