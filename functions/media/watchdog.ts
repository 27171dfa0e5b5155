// Puts a deadline on every blocking libav call, for video.ts and videoReader.ts: interrupts the call, and gives it up if even that does not help.

/** How long an interrupted call may take to return before it is abandoned (a name lookup, a hung disk). */
const graceMs = 2000;

export class Watchdog {
  /** Why calls were interrupted, in words; undefined while all is well. */
  reason: string | undefined;
  /** A call that did not return although interrupted: its resources may only be freed once it settles. */
  stuck: Promise<unknown> | undefined;
  readonly #interrupt: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.trip('stopped');
  #giveUp: ((error: Error) => void) | undefined;
  #grace: NodeJS.Timeout | undefined;

  /** @param interrupt makes the running call return early */
  constructor(interrupt: () => void, signal?: AbortSignal) {
    this.#interrupt = interrupt;
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Runs one call; when it takes longer than the limit, or the signal aborts, it is interrupted and rejects. */
  during<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
    if (this.reason !== undefined) return Promise.reject(new Error(this.reason));
    const timer = setTimeout(() => this.trip(`no data for ${limitMs / 1000} s`), limitMs);
    return new Promise<T>((resolve, reject) => {
      const running = work();
      this.#giveUp = (error) => {
        this.stuck = running.catch(() => undefined);
        reject(error);
      };
      running.then((value) => {
        // An interrupted call may claim success with half of its work done.
        if (this.reason === undefined) resolve(value);
        else reject(new Error(this.reason));
      }, reject);
    }).finally(() => {
      clearTimeout(timer);
      clearTimeout(this.#grace);
      this.#giveUp = undefined;
    });
  }

  /** Interrupts what runs now and refuses what comes later; the first reason stays. */
  trip(reason: string): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.#interrupt();
    this.#grace = setTimeout(() => this.#giveUp?.(new Error(reason)), graceMs);
    this.#grace.unref();
  }

  /** Forgets timers and the signal; call it once nothing runs any more. */
  stop(): void {
    clearTimeout(this.#grace);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
