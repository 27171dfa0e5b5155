// The way to a webhook that is asked for permission first, by the handshake of CloudEvents webhooks (OPTIONS), and not asked more often
// than it allows. webhooks.ts opens it where a receiver is given the origin that it should know.
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { EventRow } from '../../delivery/eventRows.ts';
import { Sink, type SinkOptions, type Tokens } from '../../delivery/sink.ts';
import { tryUntilTaken, type Outcome, type Way } from '../../delivery/way.ts';

export interface PermittedWayOptions {
  url: string;
  /** Host name by which this sender asks. */
  origin: string;
  sink: SinkOptions;
  tokens: Tokens | undefined;
  stopped: AbortSignal;
}

type Answer = { kind: 'granted'; perMinute: number } | (Outcome & { kind: 'later' });

/** A permission is asked for again after so long: a receiver may have withdrawn it. */
const renewAfterMs = 3_600_000;

export class PermittedWay implements Way {
  readonly #options: PermittedWayOptions;
  readonly #sink: Sink;
  readonly #agent: Agent;
  #granted: { perMinute: number; untilMs: number } | undefined;
  #earliestMs = -Infinity;

  constructor(options: PermittedWayOptions) {
    const { url, sink, stopped, tokens } = options;
    this.#options = options;
    this.#sink = new Sink(url, sink, stopped, tokens);
    this.#agent = new Agent({
      connect: { ...(sink.lookup && { lookup: sink.lookup }), timeout: sink.timeoutMs },
      headersTimeout: sink.timeoutMs,
      bodyTimeout: sink.timeoutMs,
      maxResponseSize: 1 << 16,
    });
  }

  attempt(message: Parameters<Way['attempt']>[0]): Promise<Outcome> {
    return this.#permitted(() => this.#sink.attempt(message));
  }

  bring(events: readonly EventRow[]): Promise<Outcome> {
    return this.#permitted(() => this.#sink.bring(events));
  }

  post(...[message, onRetry]: Parameters<Way['post']>): Promise<void> {
    const { url, sink, stopped } = this.#options;
    return tryUntilTaken(() => this.attempt(message), url, sink, stopped, onRetry);
  }

  async close(): Promise<void> {
    await Promise.all([this.#sink.close(), this.#agent.destroy()]);
  }

  async #permitted(send: () => Promise<Outcome>): Promise<Outcome> {
    const nowMs = performance.now();
    if (!this.#granted || nowMs > this.#granted.untilMs) {
      const answer = await this.#ask();
      if (answer.kind === 'later') return answer;
      this.#granted = { perMinute: answer.perMinute, untilMs: nowMs + renewAfterMs };
    }
    const waitMs = this.#earliestMs - performance.now();
    const { stopped } = this.#options;
    if (waitMs > 0) await delay(waitMs, undefined, { signal: stopped }).catch(() => undefined);
    if (stopped.aborted) return { kind: 'later', retryAfterMs: 0, detail: 'the bridge is ending' };
    this.#earliestMs = performance.now() + 60_000 / this.#granted.perMinute;
    const outcome = await send();
    // It may have changed its mind.
    if (outcome.kind === 'refused' && outcome.status === 403) this.#granted = undefined;
    return outcome;
  }

  async #ask(): Promise<Answer> {
    const { url, origin, tokens } = this.#options;
    try {
      const [token] = tokens?.() ?? [];
      const { statusCode, headers, body } = await request(url, {
        method: 'OPTIONS',
        dispatcher: this.#agent,
        headers: {
          'webhook-request-origin': origin,
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
      });
      await body.dump();
      const allowed = textOf(headers['webhook-allowed-origin']);
      if (statusCode > 299 || (allowed !== '*' && allowed?.toLowerCase() !== origin.toLowerCase()))
        return {
          kind: 'later',
          status: statusCode,
          retryAfterMs: 0,
          detail: `it does not admit ${origin}: no WebHook-Allowed-Origin for it in the answer to OPTIONS`,
        };
      const rate = Number(textOf(headers['webhook-allowed-rate']));
      return { kind: 'granted', perMinute: Number.isInteger(rate) && rate > 0 ? rate : Infinity };
    } catch (cause) {
      const error = cause as Error;
      return { kind: 'later', retryAfterMs: 0, detail: error.message, error };
    }
  }
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header.trim() : undefined;
}
