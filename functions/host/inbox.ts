// The bounded queue in front of a stage: worker.ts makes one per stage, so that order, limits and dedupe are the same for HTTP and in-memory events.
import { TransientError } from '../function.ts';
import type { StageEvent } from '../../config/events.ts';

export interface InboxOptions {
  maxEvents: number;
  maxBytes: number;
  /** How many keys are worked on at a time. */
  concurrency: number;
  /** How many events of one key may be under way; they are begun in order. By default one: they never overlap. */
  perKey?: number;
  /** How many ids of handled events are remembered; about the retry horizon of senders times the event rate. */
  rememberedIds?: number;
}

/** What became of an offered event. `duplicate`: handled before. `inProgress`: the same id is queued or being handled. */
export interface Ticket {
  state: 'accepted' | 'duplicate' | 'inProgress';
  /** Settles when the event is handled; rejects with the handler's error. Never unhandled when ignored. */
  handled: Promise<StageEvent[]>;
}

/** The queue stayed full: 429 to a sender. */
export class OverloadedError extends TransientError {
  override name = 'OverloadedError';
}

/** No more events are taken, because the worker drains: 503 to a sender. */
export class ClosedError extends TransientError {
  override name = 'ClosedError';
}

interface Item {
  event: StageEvent;
  identity: string;
  key: string;
  bytes: number;
  handling: Handling;
  ticket: Ticket;
  resolve: (events: StageEvent[]) => void;
  reject: (error: unknown) => void;
}

/** The events of one key. */
interface Lane {
  waiting: Item[];
  running: number;
  isReady: boolean;
}

interface Waiter {
  item: Item;
  settle: (error?: Error) => void;
}

/** How an accepted event is to be worked on. */
export interface Handling {
  /** Outputs are returned instead of emitted. */
  reply: boolean;
  /** Nobody else tries again after a failure that may pass. */
  keepTrying: boolean;
  /** The sender hears when what came out of the event is delivered too, or has failed for good. */
  untilDelivered?: boolean;
}

export type Work = (event: StageEvent, handling: Handling) => Promise<StageEvent[]>;

/**
 * Events of one partition key are begun in order, and overlap only as far as `perKey` says; different keys run side by side.
 * Full means `maxEvents` or `maxBytes` reached, but one event always fits, whatever its size.
 */
export class Inbox {
  readonly #options: Required<InboxOptions>;
  readonly #work: Work;
  readonly #lanes = new Map<string, Lane>();
  readonly #ready: string[] = [];
  readonly #pending = new Map<string, Item>();
  /** Of handled events: their identity and key. */
  readonly #handledIds = new Map<string, string>();
  #waiters: Waiter[] = [];
  #idle: (() => void)[] = [];
  #running = 0;
  #bytes = 0;
  #anonymous = 0;
  #closed = false;

  constructor(options: InboxOptions, work: Work) {
    this.#options = { rememberedIds: 20_000, perKey: 1, ...options };
    this.#work = work;
  }

  /** Events accepted and not yet handled. */
  get length() {
    return this.#pending.size;
  }

  get bytes() {
    return this.#bytes;
  }

  /** Senders that wait for room. */
  get waiting() {
    return this.#waiters.length;
  }

  /**
   * Takes an event, waiting up to `waitMs` for room.
   * @throws OverloadedError when there is still no room; ClosedError after `close`
   */
  async put(event: StageEvent, bytes: number, options: Handling & { waitMs: number }): Promise<Ticket> {
    const identity = `${event.source}\n${event.id}`;
    if (this.#handledIds.has(identity)) return { state: 'duplicate', handled: Promise.resolve([]) };
    const twin = this.#pending.get(identity) ?? this.#waiters.find((w) => w.item.identity === identity)?.item;
    if (twin) return { state: 'inProgress', handled: twin.ticket.handled };
    if (this.#closed) throw new ClosedError('the worker is shutting down', { retryAfterMs: 1000 });
    const item = this.#item(event, identity, bytes, options);
    if (this.#waiters.length === 0 && this.#fits(item)) this.#accept(item);
    else await this.#waitForRoom(item, options.waitMs);
    return item.ticket;
  }

  /** Events of this key that were handled may come again, and are handled again. */
  forget(key: string) {
    for (const [identity, each] of this.#handledIds) if (each === key) this.#handledIds.delete(identity);
  }

  /** Resolves when nothing is queued, running or waiting. */
  idle(): Promise<void> {
    if (this.#pending.size === 0 && this.#waiters.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Refuses every later event, and the ones that wait for room; accepted ones are still handled. */
  close() {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0))
      waiter.settle(new ClosedError('the worker is shutting down'));
    this.#announceIdle();
  }

  #item(event: StageEvent, identity: string, bytes: number, handling: Handling): Item {
    const key = event.partitionkey ?? `\0${this.#anonymous++}`;
    let resolve!: Item['resolve'];
    let reject!: Item['reject'];
    const handled = new Promise<StageEvent[]>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    handled.catch(() => undefined);
    return { event, identity, key, bytes, handling, ticket: { state: 'accepted', handled }, resolve, reject };
  }

  #fits(item: Item) {
    if (this.#pending.size === 0) return true;
    return this.#pending.size < this.#options.maxEvents && this.#bytes + item.bytes <= this.#options.maxBytes;
  }

  #waitForRoom(item: Item, waitMs: number): Promise<void> {
    if (waitMs <= 0) return Promise.reject(this.#full());
    return new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        item,
        settle: (error) => {
          clearTimeout(timer);
          if (error) reject(error);
          else resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(this.#full());
        this.#announceIdle();
      }, waitMs);
      this.#waiters.push(waiter);
    });
  }

  #full() {
    return new OverloadedError(`the queue is full (${this.#pending.size} events, ${this.#bytes} bytes)`, {
      retryAfterMs: 1000,
    });
  }

  #accept(item: Item) {
    this.#pending.set(item.identity, item);
    this.#bytes += item.bytes;
    const lane = this.#lanes.get(item.key) ?? { waiting: [], running: 0, isReady: false };
    this.#lanes.set(item.key, lane);
    lane.waiting.push(item);
    this.#makeReady(item.key, lane);
    this.#pump();
  }

  #makeReady(key: string, lane: Lane) {
    if (lane.isReady || lane.waiting.length === 0 || lane.running >= this.#options.perKey) return;
    lane.isReady = true;
    this.#ready.push(key);
  }

  #pump() {
    while (this.#running < this.#options.concurrency && this.#ready.length > 0) {
      const key = this.#ready.shift()!;
      const lane = this.#lanes.get(key)!;
      const item = lane.waiting.shift()!;
      lane.isReady = false;
      lane.running++;
      this.#running++;
      this.#makeReady(key, lane);
      void this.#run(lane, item);
    }
  }

  async #run(lane: Lane, item: Item) {
    let finish: () => void;
    try {
      const events = await this.#work(item.event, item.handling);
      this.#remember(item);
      finish = () => item.resolve(events);
    } catch (error) {
      finish = () => item.reject(error);
    }
    this.#running--;
    this.#pending.delete(item.identity);
    this.#bytes -= item.bytes;
    lane.running--;
    if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(item.key);
    else this.#makeReady(item.key, lane);
    finish();
    this.#admit();
    this.#pump();
    this.#announceIdle();
  }

  #admit() {
    while (this.#waiters.length > 0 && this.#fits(this.#waiters[0]!.item)) {
      const waiter = this.#waiters.shift()!;
      this.#accept(waiter.item);
      waiter.settle();
    }
  }

  #remember({ identity, key }: Item) {
    this.#handledIds.set(identity, key);
    if (this.#handledIds.size <= this.#options.rememberedIds) return;
    this.#handledIds.delete(this.#handledIds.keys().next().value!);
  }

  #announceIdle() {
    if (this.#pending.size > 0 || this.#waiters.length > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
