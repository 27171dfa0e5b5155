// One stage inside a worker: its function, its inbox and its way out. worker.ts makes them; retries of accepted events live here.
import { setTimeout as delay } from 'node:timers/promises';
import { BeginAgainError, PermanentError, TransientError } from '../function.ts';
import { Inbox } from './inbox.ts';
import { Lanes } from './lanes.ts';
import type { StageEvent } from '../../config/events.ts';
import type { FunctionSpec } from '../../config/functions.ts';
import type { Context, Log, StageFunction, StageStatus } from '../function.ts';
import type { Handling } from './inbox.ts';
import type { Metrics } from './metrics.ts';
import type { Tracer } from './tracing.ts';

export interface StageDependencies {
  spec: FunctionSpec;
  stage: StageFunction;
  /** Hands an event on for this stage; see chain.ts. */
  route: (event: StageEvent) => Promise<void>;
  metrics: Metrics;
  log: Log;
  /** Aborted when the worker drains. */
  draining: AbortSignal;
  /** Aborted when the worker gives up what is left. */
  stopped: AbortSignal;
  /** Recordings lose nothing: what is accepted of one waits for the next stage however long that takes. */
  isRecording?: (camera: string) => boolean;
  now?: () => number;
  retry?: RetryPolicy;
  tracer?: Tracer;
}

/** How long an accepted event is tried again when the handler fails; delays double from the first to the longest. */
export interface RetryPolicy {
  firstDelayMs: number;
  longestDelayMs: number;
  /** For TransientError, but for recordings. */
  giveUpAfterMs: number;
  /** For errors that are neither transient nor permanent: most likely a fault in the stage. */
  triesOnFault: number;
}

const defaultRetry: RetryPolicy = {
  firstDelayMs: 100,
  longestDelayMs: 5000,
  giveUpAfterMs: 600_000,
  triesOnFault: 3,
};

/** Outputs of one key that may wait for the next stage while this one works on. */
const outputsUnderWay = 4;

/** A stage with the queue in front of it. */
export class HostedStage {
  readonly spec: FunctionSpec;
  readonly stage: StageFunction;
  readonly inbox: Inbox;
  readonly context: Context;
  readonly #dependencies: StageDependencies;
  readonly #retry: RetryPolicy;
  readonly #lanes = new Lanes(outputsUnderWay);

  constructor(dependencies: StageDependencies) {
    const { spec, stage, log, draining } = dependencies;
    this.spec = spec;
    this.stage = stage;
    this.#dependencies = dependencies;
    this.#retry = dependencies.retry ?? defaultRetry;
    this.context = {
      emit: (event) => this.#emit(event),
      log,
      now: dependencies.now ?? Date.now,
      signal: draining,
    };
    const options = {
      ...spec.queue,
      concurrency: spec.scaling.concurrency,
      // Events that wait for one transaction have to be under way together.
      ...(spec.batching && { perKey: spec.batching.maxEvents }),
    };
    this.inbox = new Inbox(options, (event, handling) => this.#process(event, handling));
  }

  get name() {
    return this.spec.name;
  }

  /** Resolves when everything accepted so far is handled and what came out of it is delivered or given up. */
  async idle(): Promise<void> {
    await this.inbox.idle();
    await this.#lanes.idle();
  }

  status(): StageStatus | undefined {
    return this.stage.status?.();
  }

  /** Handles one event and hands on what comes out, or returns it when a reply was asked for. */
  async #process(received: StageEvent, handling: Handling): Promise<StageEvent[]> {
    const span = this.#dependencies.tracer?.begin(this.name, received);
    const event = span ? { ...received, traceparent: span.traceparent } : received;
    const outputs = await this.#handled(event, handling).then(
      (done) => {
        span?.end();
        return done;
      },
      (error: unknown) => {
        span?.end(error);
        throw error;
      },
    );
    return this.#handOn(event, outputs, handling);
  }

  #handled(event: StageEvent, handling: Handling): Promise<StageEvent[]> {
    const context = this.#contextFor(event);
    return this.#persist(event, handling, async () => {
      const end = this.#dependencies.metrics.handling.startTimer({ stage: this.name });
      try {
        return asList(await this.stage.handle(event, context));
      } finally {
        end();
      }
    });
  }

  async #handOn(event: StageEvent, outputs: StageEvent[], handling: Handling): Promise<StageEvent[]> {
    const context = this.#contextFor(event);
    if (handling.reply) return outputs.map((output) => inherit(output, event));
    const key = event.partitionkey ?? `${event.source}#${event.id}`;
    const deliver = async () => {
      try {
        for (const output of outputs) await this.#persist(output, handling, () => context.emit(output));
      } catch (error) {
        if (error instanceof BeginAgainError) await this.#beginAgain(key, error);
        throw error;
      }
    };
    // Where a sender waits for the outcome it has to hear of a failed delivery too.
    if (!handling.keepTrying || handling.untilDelivered) {
      await this.#lanes.settled(key);
      await deliver();
    } else if (outputs.length > 0) await this.#lanes.add(key, deliver);
    return [];
  }

  /** The sender learns of it with its next event. */
  async #beginAgain(camera: string, { message }: BeginAgainError): Promise<void> {
    this.#dependencies.log.warn({ stage: this.name, camera, reason: message }, 'recording begins again');
    this.inbox.forget(camera);
    await this.stage.beginAgain?.(camera);
  }

  /** Runs `attempt`, again and again where nobody else would after a failure that may pass. */
  async #persist<T>(event: StageEvent, handling: Handling, attempt: () => Promise<T>): Promise<T> {
    const started = performance.now();
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (!handling.keepTrying || error instanceof BeginAgainError) throw error;
        const reason = this.#finalReason(error, event, tries, performance.now() - started);
        if (reason) {
          this.#dependencies.metrics.dropped.inc({ type: event.type, reason });
          this.#dependencies.log.error(
            { event: event.id, type: event.type, reason, error },
            'event given up',
          );
          throw error;
        }
        this.#dependencies.metrics.retries.inc({ type: event.type, cause: 'handler' });
        await delay(this.#delayMs(error, tries), undefined, { signal: this.#dependencies.stopped }).catch(
          () => undefined,
        );
      }
    }
  }

  #finalReason(
    error: unknown,
    { partitionkey: camera = '' }: StageEvent,
    tries: number,
    elapsedMs: number,
  ): string | undefined {
    const { stopped, isRecording } = this.#dependencies;
    if (stopped.aborted) return 'stopped';
    if (error instanceof PermanentError) return 'refused';
    if (error instanceof TransientError)
      return elapsedMs > this.#retry.giveUpAfterMs && !isRecording?.(camera) ? 'expired' : undefined;
    return tries >= this.#retry.triesOnFault ? 'fault' : undefined;
  }

  #delayMs(error: unknown, tries: number) {
    const backoffMs = Math.min(this.#retry.firstDelayMs * 2 ** (tries - 1), this.#retry.longestDelayMs);
    const askedMs = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(backoffMs * (0.5 + Math.random() / 2), askedMs);
  }

  /** Frames begin the traces that are measured. */
  async #emit(event: StageEvent): Promise<void> {
    const { tracer, route } = this.#dependencies;
    const begins = this.name === 'ingest' && event.traceparent === undefined;
    const span = begins ? tracer?.beginTrace(this.name, event) : undefined;
    if (!span) return route(event);
    try {
      await route({ ...event, traceparent: span.traceparent });
      span.end();
    } catch (error) {
      span.end(error);
      throw error;
    }
  }

  #contextFor(event: StageEvent): Context {
    if (event.traceparent === undefined) return this.context;
    return { ...this.context, emit: (output) => this.context.emit(inherit(output, event)) };
  }
}

function inherit(output: StageEvent, cause: StageEvent): StageEvent {
  if (output.traceparent !== undefined || cause.traceparent === undefined) return output;
  return { ...output, traceparent: cause.traceparent };
}

function asList(result: StageEvent | StageEvent[] | void): StageEvent[] {
  if (result === undefined) return [];
  return Array.isArray(result) ? result : [result];
}
