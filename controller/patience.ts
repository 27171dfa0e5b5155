// A status that only says how far the workers have come waits a moment for the one that says they are there: they start
// together, and each write costs the API server and everybody who watches. reconcile.ts asks before it writes such a status.

const usualMs = 1000;

export class Patience {
  /** Since when there is something to say, by task. */
  readonly #sinceMs = new Map<string, number>();
  readonly #longestMs: number;
  readonly #nowMs: () => number;

  constructor(longestMs = usualMs, nowMs: () => number = () => performance.now()) {
    this.#longestMs = longestMs;
    this.#nowMs = nowMs;
  }

  /** How long it may still wait, milliseconds; 0: it must be said now. */
  leftMs(key: string): number {
    const nowMs = this.#nowMs();
    const sinceMs = this.#sinceMs.get(key) ?? nowMs;
    this.#sinceMs.set(key, sinceMs);
    return Math.max(0, sinceMs + this.#longestMs - nowMs);
  }

  /** It was said, or there is nothing to say any more. */
  end(key: string): void {
    this.#sinceMs.delete(key);
  }
}
