// A status that only says how far the workers have come waits a moment for the one that says they are there: they start
// together, and each write costs the API server and everybody who watches. reconcile.ts asks before it writes such a status.

/** Before it is said at all that they are coming: a burst of tasks is created first. */
const firstMs = 3000;
/** As long as many others have not even been looked at. */
const firstWhenBusyMs = 20_000;
/** Before it is said how many have come. */
const nextMs = 10_000;

export class Patience {
  /** Since when there is something to say, by task. */
  readonly #sinceMs = new Map<string, number>();
  readonly #isBusy: () => boolean;
  readonly #nowMs: () => number;

  /** `isBusy`: whether many tasks wait to be looked at. */
  constructor(isBusy: () => boolean, nowMs: () => number = () => performance.now()) {
    this.#isBusy = isBusy;
    this.#nowMs = nowMs;
  }

  /** How long it may still wait, milliseconds; 0: it must be said now. `isNext`: people know already that it is coming. */
  leftMs(key: string, isNext: boolean): number {
    const nowMs = this.#nowMs();
    const sinceMs = this.#sinceMs.get(key) ?? nowMs;
    this.#sinceMs.set(key, sinceMs);
    const first = this.#isBusy() ? firstWhenBusyMs : firstMs;
    return Math.max(0, sinceMs + (isNext ? nextMs : first) - nowMs);
  }

  /** It was said, or there is nothing to say any more. */
  end(key: string): void {
    this.#sinceMs.delete(key);
  }
}
