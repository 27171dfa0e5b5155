// Spans of OpenTelemetry out of the traceparent of events, sent as OTLP over HTTP. worker.ts makes one where an endpoint is
// named; without it nothing is measured. Spans may be lost, events never wait for them.
import { randomBytes } from 'node:crypto';
import { ConfigError } from '../../config/validation/configError.ts';
import type { StageEvent } from '../../config/events.ts';
import type { StageName } from '../../config/worker.ts';
import type { Log } from '../function.ts';

export interface TracingOptions {
  /** Where spans are POSTed. */
  url: string;
  headers: Record<string, string>;
  /** Share of frames that begin a trace, 0..1. */
  share: number;
}

/** A span that has begun; `traceparent` is what its events carry on. */
export interface Span {
  traceparent: string;
  end(error?: unknown): void;
}

const mostWaiting = 2048;
const mostTogether = 512;
const sendEveryMs = 1000;
const sendMs = 5000;
const closeMs = 2000;
/** Often enough to see what is slow, seldom enough to cost nothing. */
const usualShare = 0.01;

/**
 * OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS (`name=value,...`),
 * OTEL_TRACES_SAMPLER_ARG. @returns undefined when no endpoint is named @throws ConfigError
 */
export function readTracing(env: NodeJS.ProcessEnv): TracingOptions | undefined {
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const url = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || (base && `${base.replace(/\/$/, '')}/v1/traces`);
  if (!url) return undefined;
  const share = Number(env['OTEL_TRACES_SAMPLER_ARG'] || usualShare);
  const problems: string[] = [];
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    problems.push('OTEL_EXPORTER_OTLP_ENDPOINT: must be an http or https address');
  if (!(share >= 0 && share <= 1)) problems.push('OTEL_TRACES_SAMPLER_ARG: must be from 0 to 1');
  if (problems.length > 0) throw new ConfigError(problems);
  const pairs = (env['OTEL_EXPORTER_OTLP_HEADERS'] ?? '').split(',').filter((pair) => pair.includes('='));
  const headers = pairs.map((pair): [string, string] => [
    pair.slice(0, pair.indexOf('=')).trim(),
    decodeURIComponent(pair.slice(pair.indexOf('=') + 1).trim()),
  ]);
  return { url, share, headers: Object.fromEntries(headers) };
}

export class Tracer {
  readonly #options: TracingOptions;
  readonly #resource: object;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #waiting: object[] = [];
  #sending: Promise<void> | undefined;
  #isAway = false;

  /** @param names of the worker's process, such as task and worker */
  constructor(options: TracingOptions, names: Record<string, string>, log: Log) {
    this.#options = options;
    this.#log = log;
    this.#resource = { attributes: attributesOf({ 'service.name': 'multi-edge-inference', ...names }) };
    this.#timer = setInterval(() => this.#send(), sendEveryMs);
    this.#timer.unref();
  }

  /** A trace of its own for the share of events that is measured, else undefined. */
  beginTrace(stage: StageName, event: StageEvent): Span | undefined {
    if (Math.random() >= this.#options.share) return undefined;
    return this.#begin(stage, event, randomBytes(16).toString('hex'), undefined);
  }

  /** The next span of the event's trace; undefined when it has none that is measured. */
  begin(stage: StageName, event: StageEvent): Span | undefined {
    const [, trace, parent, flags] =
      /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(event.traceparent ?? '') ?? [];
    if (trace === undefined || (parseInt(flags!, 16) & 1) === 0) return undefined;
    return this.#begin(stage, event, trace, parent);
  }

  /** Sends what waits, for at most a moment. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const late = new Promise((resolve) => setTimeout(resolve, closeMs).unref());
    await this.#sending;
    this.#send();
    await Promise.race([this.#sending, late]);
  }

  #begin(stage: StageName, event: StageEvent, traceId: string, parentSpanId: string | undefined): Span {
    const spanId = randomBytes(8).toString('hex');
    const [startMs, started] = [Date.now(), performance.now()];
    return {
      traceparent: `00-${traceId}-${spanId}-01`,
      end: (error) => {
        const span = {
          traceId,
          spanId,
          ...(parentSpanId !== undefined && { parentSpanId }),
          name: `${stage} ${event.type.split('.').at(-2)}`,
          // A consumer, but where the trace begins.
          kind: parentSpanId === undefined ? 4 : 5,
          startTimeUnixNano: nanoseconds(startMs),
          endTimeUnixNano: nanoseconds(startMs + performance.now() - started),
          attributes: attributesOf({
            'mei.stage': stage,
            'cloudevents.event_id': event.id,
            'cloudevents.event_type': event.type,
            ...(event.partitionkey !== undefined && { 'mei.key': event.partitionkey }),
          }),
          status:
            error === undefined ? {} : { code: 2, message: error instanceof Error ? error.name : 'error' },
        };
        if (this.#waiting.length < mostWaiting) this.#waiting.push(span);
      },
    };
  }

  #send(): void {
    if (this.#sending || this.#waiting.length === 0) return;
    const spans = this.#waiting.splice(0, mostTogether);
    this.#sending = this.#post(spans).finally(() => {
      this.#sending = undefined;
    });
  }

  async #post(spans: object[]): Promise<void> {
    const { url, headers } = this.#options;
    const scopeSpans = [{ scope: { name: 'multi-edge-inference' }, spans }];
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ resourceSpans: [{ resource: this.#resource, scopeSpans }] }),
        redirect: 'error',
        signal: AbortSignal.timeout(sendMs),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`it answers ${response.status}`);
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) this.#log.warn({ url, reason: (error as Error).message }, 'traces lost');
      this.#isAway = true;
    }
  }
}

function attributesOf(values: Record<string, string>) {
  return Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

/** As a text, because it is beyond what a number holds exactly. */
function nanoseconds(ms: number): string {
  return `${BigInt(Math.round(ms * 1000)) * 1000n}`;
}
