// An outbox in memory: reports are worth a few tries, and the next one replaces what was lost. The entry files make it.
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, type BackoffOptions } from '../backoff.ts';
import { messageOf, TransientError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Outbox, OutgoingEvent } from './outbox.ts';

export interface ForwarderOptions {
  log: Log;
  /** Events that may wait; more are refused. */
  mostEvents?: number;
  /** An event that could not be delivered for so long is given up. */
  giveUpAfterMs?: number;
  requestTimeoutMs?: number;
  backoff?: BackoffOptions;
}

interface Waiting {
  event: OutgoingEvent;
  url: string;
  token: string | undefined;
  sinceMs: number;
}

const closeMs = 2000;
/** As senders of CloudEvents do: these answers may be others the next time. */
const passing = new Set([404, 408, 409, 425, 429]);

export class Forwarder implements Outbox {
  readonly #options: Required<ForwarderOptions>;
  readonly #lanes = new Map<string, Waiting[]>();
  readonly #running = new Set<Promise<void>>();
  readonly #ending = new AbortController();
  #waiting = 0;

  constructor(options: ForwarderOptions) {
    this.#options = {
      mostEvents: 1000,
      giveUpAfterMs: 600_000,
      requestTimeoutMs: 10_000,
      backoff: { minMs: 500, maxMs: 30_000 },
      ...options,
    };
  }

  async accept(event: OutgoingEvent, url: string, token?: string): Promise<void> {
    if (this.#ending.signal.aborted) throw new TransientError('this local controller is ending');
    if (this.#waiting >= this.#options.mostEvents)
      throw new TransientError(`${this.#waiting} events wait for the cloud already`);
    const key = `${url} ${event.partitionkey ?? event.source}`;
    const lane = this.#lanes.get(key);
    const entry = { event, url, token, sinceMs: performance.now() };
    this.#waiting++;
    if (lane) return void lane.push(entry);
    this.#lanes.set(key, [entry]);
    const run = this.#deliverAll(key).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  waiting(): number {
    return this.#waiting;
  }

  async close(): Promise<void> {
    const late = delay(closeMs, undefined, { ref: false });
    await Promise.race([Promise.all(this.#running), late]);
    this.#ending.abort();
    await Promise.all(this.#running);
  }

  async #deliverAll(key: string): Promise<void> {
    const lane = this.#lanes.get(key)!;
    for (let next = lane[0]; next; next = lane[0]) {
      await this.#deliver(next);
      lane.shift();
      this.#waiting--;
    }
    this.#lanes.delete(key);
  }

  async #deliver(entry: Waiting): Promise<void> {
    const { log, giveUpAfterMs, backoff } = this.#options;
    const { signal } = this.#ending;
    for (let failures = 0; ; failures++) {
      const problem = await this.#post(entry);
      if (problem === undefined) return;
      const isOver = performance.now() - entry.sinceMs > giveUpAfterMs;
      if (problem.isFinal || isOver || signal.aborted) {
        log.error({ event: entry.event.id, url: entry.url, reason: problem.reason }, 'event given up');
        return;
      }
      await delay(backoffMs(failures, backoff), undefined, { signal }).catch(() => undefined);
    }
  }

  async #post({ event, url, token }: Waiting): Promise<{ isFinal: boolean; reason: string } | undefined> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/cloudevents+json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(event),
        redirect: 'error',
        signal: AbortSignal.any([this.#ending.signal, AbortSignal.timeout(this.#options.requestTimeoutMs)]),
      });
      const text = await response.text();
      if (response.ok) return undefined;
      // While a token is being replaced the receiver may not know the new one yet.
      const isEarly = response.status === 401 && token !== undefined;
      const isFinal = response.status < 500 && !passing.has(response.status) && !isEarly;
      return { isFinal, reason: `${response.status}: ${text.trim().slice(0, 200)}` };
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      return { isFinal: false, reason: messageOf(cause ?? error) };
    }
  }
}
