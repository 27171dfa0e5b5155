// Notices that nothing arrives at a receiver for a while, and tells it once: courier.ts and functions/host/emit.ts have one for each.

export interface TroubleOptions {
  /** Failures of so long are told: a receiver may be busy for a moment. */
  afterMs: number;
  /** `reason` says why nothing arrives; undefined when it does again, `sinceMs` milliseconds after the first failure. */
  tell(reason: string | undefined, sinceMs: number): void;
}

export class Trouble {
  readonly #options: TroubleOptions;
  #present: { sinceMs: number; reason: string } | undefined;
  #isTold = false;

  constructor(options: TroubleOptions) {
    this.#options = options;
  }

  /** Why nothing arrives, and since when (performance.now()); undefined while it does. */
  get present(): { sinceMs: number; reason: string } | undefined {
    return this.#present;
  }

  failed(reason: string): void {
    const nowMs = performance.now();
    const sinceMs = this.#present?.sinceMs ?? nowMs;
    this.#present = { sinceMs, reason };
    if (this.#isTold || nowMs - sinceMs < this.#options.afterMs) return;
    this.#isTold = true;
    this.#options.tell(reason, nowMs - sinceMs);
  }

  mended(): void {
    if (this.#present && this.#isTold)
      this.#options.tell(undefined, performance.now() - this.#present.sinceMs);
    this.#isTold = false;
    this.#present = undefined;
  }
}
