// Posts events to one receiver over HTTP. functions/host/emit.ts keeps one per address for events that are handed on at once,
// courier.ts one for those of the outbox.
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { PermanentError, TransientError } from '../config/errors.ts';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import type { HttpMessage } from './binding.ts';

export interface SinkOptions {
  /** For one try, answer included. More than the time a receiver may hold a request while its queue is full. */
  timeoutMs: number;
  /** For all tries of one event. */
  deadlineMs: number;
  firstDelayMs: number;
  longestDelayMs: number;
  connections: number;
  /** Looks names up; refuses those that may not be reached. */
  lookup?: LookupFunction;
}

export const defaultSinkOptions: SinkOptions = {
  timeoutMs: 30_000,
  deadlineMs: 120_000,
  firstDelayMs: 50,
  longestDelayMs: 5000,
  connections: 16,
};

/** What became of one try. `status` is absent when no answer came. */
export type Outcome =
  | { kind: 'accepted' }
  | { kind: 'refused'; status: number; detail: string }
  | { kind: 'later'; status?: number; retryAfterMs: number; detail: string; error?: Error };

const retried = new Set([404, 408, 409, 429]);

/** What a sender shows a receiver, the one to be tried first in front; asked for each request, because files are renewed. */
export type Tokens = () => readonly string[];

/** The receiver will never take the event: `status` is its answer. */
export class RefusedError extends PermanentError {
  override name = 'RefusedError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Where another address may answer nobody waits long for one that does not. */
const longestWaitForOneMs = 5000;

interface Place {
  url: URL;
  pool: Pool;
}

/** A receiver of events: one worker, or several of which one takes them while the others stand by. */
export class Sink {
  readonly #places: readonly Place[];
  readonly #options: SinkOptions;
  readonly #stopped: AbortSignal;
  readonly #tokens: Tokens | undefined;
  /** Index of the token that is shown: while they are being replaced a receiver may know only the other one. */
  #token = 0;
  /** Index of the place that is asked. */
  #at = 0;
  /** Places that did not take anything, one after the other. */
  #passed = 0;

  /** @param addresses URL, or several separated by spaces. `stopped` ends tries and waiting. Without `tokens` none is shown. */
  constructor(addresses: string, options: SinkOptions, stopped: AbortSignal, tokens?: Tokens) {
    const urls = addresses.split(' ').map((address) => new URL(address));
    const timeoutMs = urls.length > 1 ? Math.min(longestWaitForOneMs, options.timeoutMs) : options.timeoutMs;
    this.#options = options;
    this.#stopped = stopped;
    this.#tokens = tokens;
    this.#places = urls.map((url) => ({
      url,
      pool: new Pool(url.origin, {
        connections: options.connections,
        pipelining: 1,
        connectTimeout: Math.min(5000, timeoutMs),
        ...(options.lookup && { connect: { lookup: options.lookup } }),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        maxResponseSize: 1 << 20,
      }),
    }));
    stopped.addEventListener('abort', () => void this.close(), { once: true });
  }

  /**
   * Posts until the receiver accepts; `onRetry` hears the cause of each repeated try.
   * @throws RefusedError when it refuses; TransientError when the deadline passes first
   */
  async post(message: HttpMessage, onRetry: (cause: string) => void): Promise<void> {
    const started = performance.now();
    for (let tries = 1; ; tries++) {
      const outcome = await this.attempt(message);
      if (outcome.kind === 'accepted') return;
      if (outcome.kind === 'refused')
        throw new RefusedError(
          outcome.status,
          `${this.#address} refuses the event: ${outcome.status} ${outcome.detail}`,
        );
      const waitMs = Math.max(backoffMs(this.#options, tries), outcome.retryAfterMs);
      if (this.#stopped.aborted || performance.now() - started + waitMs > this.#options.deadlineMs)
        throw this.#giveUp(outcome);
      onRetry(String(outcome.status ?? 'connection'));
      await delay(waitMs, undefined, { signal: this.#stopped }).catch(() => undefined);
    }
  }

  /** One try at one of the places; never rejects. */
  async attempt(message: HttpMessage): Promise<Outcome> {
    const at = this.#at;
    const outcome = await this.#ask(this.#places[at]!, message);
    const mayBeElsewhere = outcome.kind === 'later' && (outcome.status ?? 503) === 503;
    if (!mayBeElsewhere || this.#places.length === 1) {
      this.#passed = 0;
      return outcome;
    }
    // Of requests under way together the first one decides.
    if (at === this.#at) {
      this.#at = (at + 1) % this.#places.length;
      this.#passed++;
    }
    const hasAskedAll = this.#passed % this.#places.length === 0;
    return hasAskedAll ? outcome : { ...outcome, retryAfterMs: 0 };
  }

  async #ask({ url, pool }: Place, { headers, parts }: HttpMessage): Promise<Outcome> {
    const tokens = this.#tokens?.() ?? [];
    const token = tokens[this.#token % tokens.length];
    try {
      const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
      const answer = await pool.request({
        method: 'POST',
        path: `${url.pathname}${url.search}`,
        headers: {
          ...headers,
          'content-length': String(length),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: bodyOf(parts),
      });
      const { statusCode: status, body } = answer;
      if (status >= 200 && status < 300) {
        await body.dump({ limit: 1 << 20 });
        return { kind: 'accepted' };
      }
      const detail = firstLine(await body.text());
      // A token that one side has already and the other not yet: that passes, and the event is as good as before.
      if (status === 401 && this.#tokens) {
        this.#token++;
        return { kind: 'later', status, retryAfterMs: 0, detail };
      }
      if (status < 500 && !retried.has(status)) return { kind: 'refused', status, detail };
      return { kind: 'later', status, retryAfterMs: retryAfter(answer.headers['retry-after']), detail };
    } catch (cause) {
      const error = cause as Error;
      return { kind: 'later', retryAfterMs: 0, detail: error.message, error };
    }
  }

  async close() {
    await Promise.all(this.#places.map(({ pool }) => pool.destroy()));
  }

  get #address(): string {
    return this.#places.map(({ url }) => url.href).join(' ');
  }

  #giveUp({ status, detail, error }: Outcome & { kind: 'later' }) {
    const reason = status === undefined ? detail : `${status} ${detail}`;
    return new TransientError(
      `${this.#address} does not take the event: ${reason}`,
      error ? { cause: error } : {},
    );
  }
}

/** Doubles from the first delay to the longest, with jitter, so that senders who lost one receiver come back one by one. */
export function backoffMs(
  { firstDelayMs, longestDelayMs }: Pick<SinkOptions, 'firstDelayMs' | 'longestDelayMs'>,
  tries: number,
): number {
  return Math.min(firstDelayMs * 2 ** (tries - 1), longestDelayMs) * (0.5 + Math.random() / 2);
}

/** Undici takes any iterable of bytes and writes its chunks without joining them; its types know only streams. */
function bodyOf(parts: Uint8Array[]): Uint8Array | Readable | null {
  return parts.length < 2 ? (parts[0] ?? null) : (parts as unknown as Readable);
}

/** Seconds or an HTTP date, to milliseconds, at most a minute. */
function retryAfter(header: string | string[] | undefined): number {
  if (typeof header !== 'string') return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 60_000) : 0;
}

/** The `detail` of a problem body, or the start of another one. */
function firstLine(body: string): string {
  try {
    const { detail } = JSON.parse(body) as { detail?: unknown };
    if (typeof detail === 'string') return detail.slice(0, 200);
  } catch {
    // Not a problem document: shown as it came.
  }
  return body.split('\n')[0]!.slice(0, 200);
}
