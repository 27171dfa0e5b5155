// Brings what waits for one URL there: in order, in batches, again and again. outbox.ts keeps one per URL.
import { setTimeout as delay } from 'node:timers/promises';
import { Sink, type SinkOptions, type Tokens } from './sink.ts';
import { backoffMs, type OpenWay, type Outcome, type Way } from './way.ts';
import type { StoredEvent } from './eventRows.ts';
import type { Amount } from './outboxStore.ts';
import { Trouble } from './trouble.ts';

export interface CourierOptions extends SinkOptions {
  /** Of one request. */
  batch: Amount;
  /** Failures of so long are told: a receiver may be busy for a moment. */
  troubleAfterMs: number;
}

export interface CourierParts {
  url: string;
  options: CourierOptions;
  tokens?: Tokens | undefined;
  /** Ways other than HTTP. */
  openWay?: OpenWay | undefined;
  /** What waits after a place in the order. */
  next(after: number, most: Amount): StoredEvent[];
  /** The receiver has them. */
  delivered(events: readonly StoredEvent[]): void;
  /** The receiver never takes it. @throws TransientError while that cannot be stored */
  refused(event: StoredEvent, status: number, reason: string): void;
  onRetry(cause: string): void;
  /** Nothing has arrived for a while: `reason` says why; undefined when it does again, `afterMs` from the first failure. */
  onTrouble(this: void, reason: string | undefined, afterMs: number): void;
  stopped: AbortSignal;
}

/** Answers about the sender, not about its events: a renewed credential mends them. */
const aboutTheSender = new Set([401, 403, 407]);

/** One request at a time, so that nothing overtakes. */
export class Courier {
  readonly #parts: CourierParts;
  readonly #way: Way;
  /** Place in the order up to which everything is delivered, refused or on its way. */
  #cursor = 0;
  #underWay: number[] = [];
  #most: number;
  #batch: number;
  #tries = 0;
  readonly #trouble: Trouble;
  #wake: (() => void) | undefined;
  #waiting: (() => void)[] = [];
  #isResting = false;
  #isPausing = false;
  #isToBeginAgain = false;

  constructor(parts: CourierParts) {
    this.#parts = parts;
    this.#most = this.#batch = parts.options.batch.events;
    this.#trouble = new Trouble({ afterMs: parts.options.troubleAfterMs, tell: parts.onTrouble });
    const { url, options, stopped, tokens, openWay } = parts;
    this.#way =
      openWay?.(url, options, stopped) ?? new Sink(url, { ...options, connections: 1 }, stopped, tokens);
  }

  /** Sequences of what is on its way. */
  get underWay(): readonly number[] {
    return this.#underWay;
  }

  /** Why nothing arrives, and since when (performance.now()); undefined while it does. */
  get problem() {
    return this.#trouble.present;
  }

  /** There may be something to bring. */
  wake(): void {
    this.#isResting = false;
    this.#wake?.();
  }

  /** Resolves when there is nothing more to bring, or when the receiver does not take it. */
  settled(): Promise<void> {
    if (this.#isResting || this.#isPausing) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Something older may wait now: looks at everything anew, once what is on its way has arrived. */
  beginAgain(): void {
    this.#isToBeginAgain = true;
    this.wake();
  }

  /** Ends when `stopped` aborts. */
  async run(): Promise<void> {
    const { stopped } = this.#parts;
    while (!stopped.aborted) {
      const events = this.#next();
      if (events.length === 0) await this.#sleep();
      else await this.#bring(events);
    }
    this.#announceRest();
  }

  async close(): Promise<void> {
    await this.#way.close();
  }

  #next(): StoredEvent[] {
    const { options } = this.#parts;
    if (this.#isToBeginAgain) this.#cursor = 0;
    this.#isToBeginAgain = false;
    try {
      return this.#parts.next(this.#cursor, { events: this.#batch, bytes: options.batch.bytes });
    } catch (error) {
      this.#trouble.failed((error as Error).message);
      return [];
    }
  }

  async #bring(events: StoredEvent[]): Promise<void> {
    const before = this.#cursor;
    this.#cursor = events.at(-1)!.seq;
    this.#underWay = events.map(({ seq }) => seq);
    const outcome = await this.#way.bring(events);
    this.#underWay = [];
    if (outcome.kind === 'accepted') {
      this.#parts.delivered(events);
      this.#tries = 0;
      this.#trouble.mended();
      this.#batch = Math.min(this.#batch * 2, this.#most);
      return;
    }
    this.#cursor = before;
    if (outcome.kind === 'refused' && !aboutTheSender.has(outcome.status))
      await this.#refused(events, outcome);
    else await this.#later(events, outcome);
  }

  /** One of them is the culprit, or the receiver knows no batches: fewer at a time find it. */
  async #refused(events: StoredEvent[], { status, detail }: Outcome & { kind: 'refused' }): Promise<void> {
    if (events.length > 1) {
      this.#batch = Math.ceil(events.length / 2);
      // A Broker, for one, knows no batches: asking again and again would double its work.
      if (status === 415) this.#most = this.#batch = 1;
      return;
    }
    const [event] = events as [StoredEvent];
    try {
      this.#parts.refused(event, status, detail);
      this.#cursor = event.seq;
    } catch (error) {
      this.#trouble.failed((error as Error).message);
      await this.#pause(this.#parts.options.longestDelayMs);
    }
  }

  async #later(events: StoredEvent[], outcome: Outcome & { kind: 'refused' | 'later' }): Promise<void> {
    const { options, stopped } = this.#parts;
    if (stopped.aborted) return;
    const { status, detail } = outcome;
    // No answer in time may mean that it was too much at once.
    if (status === undefined) this.#batch = Math.max(1, Math.ceil(events.length / 2));
    this.#tries++;
    this.#trouble.failed(status === undefined ? detail : `${status} ${detail}`.trim());
    this.#parts.onRetry(String(status ?? 'connection'));
    const askedMs = outcome.kind === 'later' ? outcome.retryAfterMs : options.longestDelayMs;
    await this.#pause(Math.max(backoffMs(options, this.#tries), askedMs));
  }

  async #pause(ms: number): Promise<void> {
    this.#isPausing = true;
    this.#announceRest();
    await delay(ms, undefined, { signal: this.#parts.stopped }).catch(() => undefined);
    this.#isPausing = false;
  }

  async #sleep(): Promise<void> {
    const { stopped, options } = this.#parts;
    if (this.#trouble.present) return this.#pause(options.longestDelayMs);
    this.#isResting = true;
    this.#announceRest();
    await new Promise<void>((resolve) => {
      const wake = () => {
        stopped.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = wake;
      stopped.addEventListener('abort', wake, { once: true });
    });
    this.#isResting = false;
  }

  #announceRest(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
