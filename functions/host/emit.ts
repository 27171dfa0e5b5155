// Sends events to other workers: chain.ts calls it for every event whose next stage is not in this process.
import { binaryMessage, type HttpMessage } from '../../delivery/binding.ts';
import { toEnvelope } from './codec.ts';
import { Gate } from './gate.ts';
import { BeginAgainError } from '../function.ts';
import { Sink, defaultSinkOptions } from '../../delivery/sink.ts';
import { RefusedError, type OpenWay, type Way } from '../../delivery/way.ts';
import type { StageEvent } from '../../config/events.ts';
import type { Attributes } from '../../delivery/attributes.ts';
import type { Metrics } from './metrics.ts';
import type { SinkOptions, Tokens } from '../../delivery/sink.ts';
import { Trouble } from '../../delivery/trouble.ts';
import type { Log } from '../function.ts';

export interface EmitterOptions extends SinkOptions {
  /** Events of one key that are encoded and wait for their turn, the one on its way included. */
  window: number;
  /** Requests to one sink at a time. */
  inFlight: number;
  /** Extension attributes put on every event (K_CE_OVERRIDES). */
  overrides: Attributes;
  /** What is shown to whoever is at this URL; undefined: nothing. */
  tokensFor: (url: string) => Tokens | undefined;
  /** Ways other than HTTP. */
  openWay?: OpenWay | undefined;
  /** Hears of a receiver that takes nothing for so long: meanwhile recordings wait, and frames of live cameras are dropped. */
  log?: Pick<Log, 'info' | 'warn'>;
  troubleAfterMs: number;
}

export const defaultEmitterOptions: EmitterOptions = {
  ...defaultSinkOptions,
  window: 2,
  inFlight: defaultSinkOptions.connections,
  overrides: {},
  tokensFor: () => undefined,
  troubleAfterMs: 5000,
};

interface Lane {
  way: Way;
  trouble: Trouble;
  inFlight: Gate;
  /** By partition key: how many may be prepared, and how many are sent (one). */
  keys: Map<string, { window: Gate; turn: Gate; users: number }>;
}

/** Events of one key reach a sink in the order of the calls; a later one may be encoded while the one before travels. */
export class Emitter {
  readonly #options: EmitterOptions;
  readonly #metrics: Metrics;
  readonly #stopped: AbortSignal;
  readonly #lanes = new Map<string, Lane>();

  constructor(options: Partial<EmitterOptions>, metrics: Metrics, stopped: AbortSignal) {
    this.#options = { ...defaultEmitterOptions, ...options };
    this.#metrics = metrics;
    this.#stopped = stopped;
  }

  /**
   * Resolves when the receiver has answered 2xx.
   * @throws BeginAgainError, other PermanentError (refused, or the event itself is not valid), TransientError (deadline)
   */
  async send(url: string, event: StageEvent): Promise<void> {
    const lane = this.#lane(url);
    const onRetry = (cause: string, detail: string) => {
      this.#metrics.retries.inc({ type: event.type, cause });
      lane.trouble.failed(cause === 'connection' ? detail : `${cause} ${detail}`.trim());
    };
    const post = async (message: HttpMessage) => {
      await lane.way.post(message, onRetry);
      lane.trouble.mended();
    };
    const key = event.partitionkey;
    if (key === undefined) return lane.inFlight.pass(() => post(this.#message(event)));
    const order = lane.keys.get(key) ?? {
      window: new Gate(this.#options.window),
      turn: new Gate(1),
      users: 0,
    };
    lane.keys.set(key, order);
    order.users++;
    try {
      await order.window.pass(async () => {
        const message = this.#message(event);
        await order.turn.pass(() => lane.inFlight.pass(() => post(message)));
      });
    } catch (error) {
      if (error instanceof RefusedError && error.status === 412)
        throw new BeginAgainError(error.message, { cause: error });
      throw error;
    } finally {
      if (--order.users === 0) lane.keys.delete(key);
    }
  }

  /** Ends all connections; what is still on its way fails. */
  async close() {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.way.close()));
  }

  #lane(url: string): Lane {
    let lane = this.#lanes.get(url);
    if (!lane) {
      lane = {
        way:
          this.#options.openWay?.(url, this.#options, this.#stopped) ??
          new Sink(url, this.#options, this.#stopped, this.#options.tokensFor(url)),
        trouble: this.#trouble(url),
        inFlight: new Gate(this.#options.inFlight),
        keys: new Map(),
      };
      this.#lanes.set(url, lane);
    }
    return lane;
  }

  #trouble(url: string): Trouble {
    const { log, troubleAfterMs: afterMs } = this.#options;
    return new Trouble({
      afterMs,
      tell(reason, sinceMs) {
        if (reason !== undefined) log?.warn({ url, reason }, 'the next stage takes nothing');
        else log?.info({ url, afterS: Math.round(sinceMs / 1000) }, 'the next stage takes events again');
      },
    });
  }

  #message(event: StageEvent) {
    const envelope = toEnvelope(event);
    Object.assign(envelope.attributes, this.#options.overrides);
    const message = binaryMessage(envelope);
    if (event.traceparent !== undefined) message.headers.traceparent = event.traceparent;
    return message;
  }
}
