// Takes the events for one worker out of the stream of its task: acknowledged once they are stored, again when that failed, in order
// for each key. functions/host/jetstream.ts makes one. See docs/decisions/0012-jetstream.md.
import { setTimeout as delay } from 'node:timers/promises';
import { headers as messageHeaders } from '@nats-io/transport-node';
import { PermanentError, TransientError } from '../../config/errors.ts';
import { backoffMs } from '../way.ts';
import { beginTerm, makeRoom, type ConsumerLimits } from './consumer.ts';
import { KeyedOrder } from './keyedOrder.ts';
import { reasonOf, type Connected, type Link } from './link.ts';
import { envelopeOf } from './message.ts';
import { deadSubjectOf, keyIn } from './names.ts';
import { wakeSources } from './sources.ts';
import { ensureStream } from './stream.ts';
import type { Consumer, ConsumerMessages, JsMsg, StreamInfo } from '@nats-io/jetstream';
import type { JetStreamConfig } from '../../config/worker.ts';
import type { Log } from '../../config/messages.ts';
import type { Envelope } from '../binding.ts';

export interface ReceiverOptions extends ConsumerLimits {
  /** Events of one key that are handed over without waiting for the one before to be stored. */
  perKey: number;
  /** An error that says neither that it passes nor that it stays is most likely a fault: after so many tries nobody waits for it. */
  triesOnFault: number;
  firstDelayMs: number;
  longestDelayMs: number;
  /** How soon it is noticed that this worker shall take events, or shall not any more. */
  lookMs: number;
  upkeepMs: number;
}

export const defaultReceiverOptions: ReceiverOptions = {
  mostUnacknowledged: 256,
  ackWaitMs: 30_000,
  perKey: 64,
  triesOnFault: 10,
  firstDelayMs: 100,
  longestDelayMs: 5000,
  lookMs: 250,
  upkeepMs: 5000,
};

export interface ReceiverParts {
  link: Link;
  config: () => JetStreamConfig;
  receiver: string;
  /** Whether this worker shall take events now. */
  isWanted: () => boolean;
  /** Resolves once the event is stored. @throws PermanentError, TransientError */
  handle: (envelope: Envelope) => Promise<void>;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  options?: Partial<ReceiverOptions>;
}

/** Counts are since this was made. */
export interface ReceiverFigures {
  /** In the stream and not acknowledged, when it was last looked at. */
  waiting: number;
  deadLetters: number;
  handled: number;
  retries: number;
  /** Why nothing can be taken at the moment. */
  problem?: string;
}

export class Receiver {
  readonly #parts: ReceiverParts;
  readonly #options: ReceiverOptions;
  readonly #figures: ReceiverFigures = { waiting: 0, deadLetters: 0, handled: 0, retries: 0 };
  readonly #stop = new AbortController();
  #problem: string | undefined;
  #isKeepingUp = false;
  #running: Promise<void> | undefined;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#options = { ...defaultReceiverOptions, ...parts.options };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Takes nothing more; resolves when what is under way is acknowledged or will come again. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  figures(): ReceiverFigures {
    return { ...this.#figures, ...(this.#problem !== undefined && { problem: this.#problem }) };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let tries = 0; !signal.aborted;) {
      try {
        if (this.#parts.isWanted()) await this.#takeOneTerm(() => (tries = 0));
      } catch (error) {
        this.#failed(reasonOf(error));
        await pause(backoffMs(this.#options, Math.min(++tries, 16)), signal);
      }
      await pause(this.#options.lookMs, signal);
    }
  }

  #failed(reason: string): void {
    const { receiver, log } = this.#parts;
    if (this.#problem !== reason) log.warn({ receiver, reason }, 'no events can be taken from the stream');
    this.#problem = reason;
  }

  async #takeOneTerm(onBegun: () => void): Promise<void> {
    const { link, config, receiver, log } = this.#parts;
    const { mostUnacknowledged, ackWaitMs } = this.#options;
    const connected = await link.connected();
    await ensureStream(connected, config(), true);
    const name = await beginTerm(connected, config(), receiver, { mostUnacknowledged, ackWaitMs });
    const consumer = await connected.client.consumers.get(config().stream, name);
    await this.#look(connected, consumer);
    const messages = await consumer.consume({
      max_messages: mostUnacknowledged,
      abort_on_missing_resource: true,
    });
    log.info({ receiver, stream: config().stream, consumer: name }, 'events are taken from the stream');
    this.#problem = undefined;
    onBegun();
    await this.#consume(connected, consumer, messages);
    if (connected.connection.isClosed()) throw new TransientError('the connection to NATS is lost');
  }

  async #consume(connected: Connected, consumer: Consumer, messages: ConsumerMessages): Promise<void> {
    const order = new KeyedOrder<JsMsg>({
      perKey: this.#options.perKey,
      work: (message, tries) => this.#take(connected, message, tries),
    });
    const { lookMs, ackWaitMs, upkeepMs } = this.#options;
    const timers = [
      setInterval(() => this.#mayGoOn() || messages.stop(), lookMs),
      // What waits for its turn here must not be handed over again meanwhile.
      setInterval(() => [...order.items()].forEach((message) => message.working()), ackWaitMs / 3),
      setInterval(() => void this.#keepUp(connected, consumer).catch(() => undefined), upkeepMs),
    ];
    try {
      for await (const message of messages) order.add(keyIn(message.subject), message.seq, message);
    } finally {
      await order.end();
      timers.forEach((timer) => clearInterval(timer));
      if (!connected.connection.isClosed()) await connected.connection.flush().catch(() => undefined);
    }
  }

  #mayGoOn(): boolean {
    return !this.#stop.signal.aborted && this.#parts.isWanted();
  }

  /** Undefined: done with it. */
  async #take(connected: Connected, message: JsMsg, tries: number): Promise<number | undefined> {
    try {
      await this.#parts.handle(envelopeOf(headersOf(message), message.data));
      message.ack();
      this.#figures.handled++;
      return undefined;
    } catch (error) {
      const isFault = !(error instanceof PermanentError || error instanceof TransientError);
      if (error instanceof TransientError || (isFault && tries < this.#options.triesOnFault))
        return this.#later(error, tries);
      return this.#bury(connected, message, reasonOf(error)).then(
        () => undefined,
        (cause: unknown) => this.#later(cause, tries),
      );
    }
  }

  #later(error: unknown, tries: number): number {
    this.#figures.retries++;
    const askedMs = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(askedMs, backoffMs(this.#options, Math.min(tries, 16)));
  }

  /** The letter is stored before the event is given up. */
  async #bury({ client }: Connected, message: JsMsg, reason: string): Promise<void> {
    const { config, log, receiver } = this.#parts;
    const headers = messageHeaders();
    for (const [name, value] of headersOf(message)) if (!/^nats-/i.test(name)) headers.set(name, value);
    headers.set('mei-reason', reason.replace(/[^\x20-\x7e]/g, '?'));
    headers.set('mei-sequence', String(message.seq));
    const { stream } = config();
    await client.publish(deadSubjectOf(config(), message.subject), message.data, {
      headers,
      msgID: `dead ${receiver} ${message.seq}`,
      expect: { streamName: stream },
    });
    message.term(reason.slice(0, 200));
    this.#figures.deadLetters++;
    const event = headers.get('ce-id').slice(0, 200);
    log.error({ receiver, event, sequence: message.seq, reason }, 'event refused for good, see docs/nats.md');
  }

  async #keepUp(connected: Connected, consumer: Consumer): Promise<void> {
    if (this.#isKeepingUp) return;
    this.#isKeepingUp = true;
    try {
      const { receiver, log, config } = this.#parts;
      const stream = await this.#look(connected, consumer);
      const leaves = config().leaves.length > 0 ? await wakeSources(connected, stream) : [];
      if (leaves.length > 0) log.info({ receiver, leaves }, 'leaf nodes are asked again');
    } finally {
      this.#isKeepingUp = false;
    }
  }

  async #look(connected: Connected, consumer: Consumer): Promise<StreamInfo> {
    const { config, receiver } = this.#parts;
    // New leaf nodes are taken up here.
    const stream = await ensureStream(connected, config(), true);
    const info = await consumer.info();
    this.#figures.waiting = info.num_pending + info.num_ack_pending;
    await makeRoom(connected, config(), receiver, stream, info);
    return stream;
  }
}

function headersOf({ headers }: JsMsg): Map<string, string> {
  return new Map([...(headers ?? [])].map(([name, values]) => [name, values[0] ?? '']));
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
