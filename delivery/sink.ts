// Posts events to one receiver over HTTP. functions/host/emit.ts keeps one per address for events that are handed on at once,
// courier.ts one for those of the outbox.
import { Pool } from 'undici';
import { requestOf } from './batch.ts';
import { tryUntilTaken, type Outcome, type RetryTimes, type Way } from './way.ts';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import type { HttpMessage } from './binding.ts';
import type { EventRow } from './eventRows.ts';

/** `timeoutMs` is more than the time a receiver may hold a request while its queue is full. */
export interface SinkOptions extends RetryTimes {
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

const retried = new Set([404, 408, 409, 429]);

/** What a sender shows a receiver, the one to be tried first in front; asked for each request, because files are renewed. */
export type Tokens = () => readonly string[];

/** Where another address may answer nobody waits long for one that does not. */
const longestWaitForOneMs = 5000;

interface Place {
  url: URL;
  pool: Pool;
}

/** A receiver of events: one worker, or several of which one takes them while the others stand by. */
export class Sink implements Way {
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

  post(message: HttpMessage, onRetry: (cause: string, detail: string) => void): Promise<void> {
    return tryUntilTaken(() => this.attempt(message), this.#address, this.#options, this.#stopped, onRetry);
  }

  async bring(events: readonly EventRow[]): Promise<Outcome> {
    return this.attempt(await requestOf(events));
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
