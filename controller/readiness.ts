// Asks workers that run as processes whether they can handle events, so that a full disk or a lost store is not silent.
// Used by `mei run`; in a cluster the kubelet asks.

export interface Unready {
  worker: string;
  /** In words, from the worker. */
  reason: string;
  /** How long already, milliseconds. */
  forMs: number;
}

export interface ReadinessWatch {
  /** Asks all workers at once; gives those that are not ready. */
  ask(): Promise<Unready[]>;
}

const timeoutMs = 2000;

/** @param urls name -> URL of the worker, with a slash at its end */
export function watchReadiness(urls: ReadonlyMap<string, string>): ReadinessWatch {
  const since = new Map<string, number>();
  return {
    async ask() {
      const nowMs = performance.now();
      const asked = await Promise.all(
        [...urls].map(async ([worker, url]) => ({ worker, reason: await reasonOf(url) })),
      );
      return asked.flatMap(({ worker, reason }) => {
        if (reason === undefined) {
          since.delete(worker);
          return [];
        }
        if (!since.has(worker)) since.set(worker, nowMs);
        return [{ worker, reason, forMs: nowMs - since.get(worker)! }];
      });
    },
  };
}

/** Why the worker is not ready; undefined when it is. */
async function reasonOf(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}readyz`, { signal: AbortSignal.timeout(timeoutMs) });
    if (response.ok) return undefined;
    return (await response.text()).trim() || `answers ${response.status}`;
  } catch (error) {
    return `does not answer: ${(error as Error).message}`;
  }
}
