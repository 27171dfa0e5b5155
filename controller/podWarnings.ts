// Why a pod does not come to start although it is on its node: a Secret or ConfigMap that is not there, a network that
// cannot be laid. The kubelet says it in events only; reconcile.ts asks for those of pods that have waited for a while.
import type { CoreV1Event } from '@kubernetes/client-node';
import type { Cluster } from './cluster.ts';
import { ApiError, TransientError } from './errors.ts';
import type { Manifest } from './objects/manifest.ts';
import { isBeingPrepared, type Trouble } from './podTrouble.ts';
import type { PodView } from './podView.ts';

export interface PodWarningsOptions {
  cluster: Pick<Cluster, 'warnings'>;
  /** Looks at the task again after a while. */
  later: (key: string, ms: number) => void;
  /** Most pods are prepared sooner, and nobody asks about them. */
  patienceMs?: number;
  /** Between two questions about one pod. */
  intervalMs?: number;
  nowMs?: () => number;
}

interface Waiting {
  sinceMs: number;
  askedMs?: number;
  trouble?: Trouble | undefined;
}

export class PodWarnings {
  readonly #options: Required<PodWarningsOptions>;
  /** Task -> uid of a pod that is being prepared. */
  readonly #waiting = new Map<string, Map<string, Waiting>>();

  constructor(options: PodWarningsOptions) {
    this.#options = { patienceMs: 10_000, intervalMs: 30_000, nowMs: () => performance.now(), ...options };
  }

  /** By uid of the pod; empty as long as all goes well. Never rejects. */
  async of(key: string, pods: readonly PodView[]): Promise<ReadonlyMap<string, Trouble>> {
    const { later, patienceMs, intervalMs, nowMs } = this.#options;
    const before = this.#waiting.get(key);
    const now = new Map<string, Waiting>();
    for (const pod of pods.filter(isBeingPrepared)) {
      const uid = pod.metadata.uid ?? '';
      const waiting: Waiting = before?.get(uid) ?? { sinceMs: nowMs() };
      now.set(uid, waiting);
      const dueMs = Math.max(waiting.sinceMs + patienceMs, (waiting.askedMs ?? -Infinity) + intervalMs);
      if (dueMs <= nowMs()) {
        waiting.askedMs = nowMs();
        waiting.trouble = await this.#ask(pod);
        later(key, intervalMs);
      } else later(key, dueMs - nowMs());
    }
    if (now.size > 0) this.#waiting.set(key, now);
    else this.#waiting.delete(key);
    return new Map([...now].flatMap(([uid, { trouble }]) => (trouble ? [[uid, trouble]] : [])));
  }

  /** The task is gone. */
  forget(key: string): void {
    this.#waiting.delete(key);
  }

  async #ask(pod: PodView): Promise<Trouble | undefined> {
    try {
      return troubleOf(await this.#options.cluster.warnings(pod));
    } catch (error) {
      // The status is worth more than this detail of it, which is asked for again.
      if (error instanceof ApiError || error instanceof TransientError) return undefined;
      throw error;
    }
  }
}

/** Of the newest warning. */
function troubleOf(warnings: readonly Manifest[]): Trouble | undefined {
  const events = warnings as unknown as CoreV1Event[];
  const newest = events.toSorted((one, other) => atMs(other) - atMs(one))[0];
  if (newest === undefined) return undefined;
  const why = (newest.message ?? '').replace(/^MountVolume\.SetUp failed for volume "[^"]*" ?: /, '');
  return { reason: newest.reason ?? 'PodNotPrepared', message: `it cannot be started: ${why}` };
}

function atMs({ series, lastTimestamp, eventTime, metadata }: CoreV1Event): number {
  const at = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp;
  return Date.parse(String(at)) || 0;
}
