// Writes the newest status, but not more often than needed: many workers report at once. Used by the status handler.

/** Runs `write` at once, then at most once an interval while something changed; one run at a time. */
export class Writer {
  readonly #write: () => Promise<void>;
  readonly #intervalMs: number;
  #dirty = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** Why the last run failed; undefined when it did not. */
  failure: Error | undefined;

  constructor(write: () => Promise<void>, intervalMs: number) {
    this.#write = write;
    this.#intervalMs = intervalMs;
  }

  changed(): void {
    this.#dirty = true;
    if (this.#timer === undefined && this.#running === undefined) void this.#run();
  }

  /** Writes what is still unwritten. @throws what `write` throws */
  async finish(): Promise<void> {
    await this.#running;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#dirty) return;
    this.#dirty = false;
    await this.#write();
  }

  async #run(): Promise<void> {
    this.#dirty = false;
    this.#running = this.#write().then(
      () => {
        this.failure = undefined;
      },
      (error: Error) => {
        this.failure = error;
        this.#dirty = true;
      },
    );
    await this.#running;
    this.#running = undefined;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#dirty) void this.#run();
    }, this.#intervalMs);
    this.#timer.unref();
  }
}
