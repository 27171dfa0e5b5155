// Keys that wait for work: each at most once, never the same in two places, and later when it failed. main.ts fills it.
import { backoffMs, type BackoffOptions } from './backoff.ts';

export interface QueueOptions {
  /** Does all that a key needs, as things are now. A rejection brings the key back after a pause. */
  work: (key: string) => Promise<void>;
  /** Keys that are worked on at a time. */
  workers: number;
  /** Keys that are known at a time; more are refused. */
  maxKeys: number;
  backoff: BackoffOptions;
  /** Told of each failure, and when the key comes back. */
  onFailure: (key: string, error: unknown, retryInMs: number) => void;
}

export class Queue {
  readonly #options: QueueOptions;
  /** In the order of arrival. */
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  /** Running, and wanted again. */
  readonly #again = new Set<string>();
  readonly #later = new Map<string, { timer: NodeJS.Timeout; dueMs: number }>();
  readonly #failures = new Map<string, number>();
  #isStarted = false;
  #isStopped = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Work begins only here: before, keys gather, because what is known is not yet complete. */
  start(): void {
    this.#isStarted = true;
    this.#next();
  }

  /** False when there is no room: whoever adds must come back, as the periodic requeue does. */
  add(key: string): boolean {
    if (this.#isStopped || !this.#hasRoom(key)) return false;
    this.#forgetLater(key);
    if (this.#running.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#next();
    return true;
  }

  /** As add, after a while. Of several wishes for one key the earliest counts. */
  addAfter(key: string, ms: number): boolean {
    if (this.#isStopped || !this.#hasRoom(key)) return false;
    if (this.#waiting.has(key)) return true;
    const dueMs = performance.now() + ms;
    const before = this.#later.get(key);
    if (before && before.dueMs <= dueMs) return true;
    this.#forgetLater(key);
    const timer = setTimeout(() => {
      this.#later.delete(key);
      this.add(key);
    }, ms);
    this.#later.set(key, { timer, dueMs });
    return true;
  }

  /** Keys that would be worked on now if there were room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get size(): number {
    return new Set([...this.#waiting, ...this.#running.keys(), ...this.#later.keys()]).size;
  }

  /** Drops what waits and resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiting.clear();
    this.#again.clear();
    for (const key of [...this.#later.keys()]) this.#forgetLater(key);
    await Promise.all(this.#running.values());
  }

  #hasRoom(key: string): boolean {
    const isKnown = this.#waiting.has(key) || this.#running.has(key) || this.#later.has(key);
    return isKnown || this.#waiting.size + this.#running.size + this.#later.size < this.#options.maxKeys;
  }

  #forgetLater(key: string): void {
    clearTimeout(this.#later.get(key)?.timer);
    this.#later.delete(key);
  }

  #next(): void {
    while (this.#isStarted && this.#running.size < this.#options.workers && this.#waiting.size > 0) {
      const key = this.#waiting.values().next().value!;
      this.#waiting.delete(key);
      this.#running.set(key, this.#run(key));
    }
  }

  async #run(key: string): Promise<void> {
    const { work, backoff, onFailure } = this.#options;
    let retryInMs: number | undefined;
    try {
      await work(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      const asked = (error as { retryAfterMs?: number } | null)?.retryAfterMs ?? 0;
      retryInMs = Math.max(asked, backoffMs(failures, backoff));
      onFailure(key, error, retryInMs);
    }
    this.#running.delete(key);
    if (this.#again.delete(key)) this.add(key);
    else if (retryInMs !== undefined) this.addAfter(key, retryInMs);
    this.#next();
  }
}
