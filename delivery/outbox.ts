// Keeps events on disk until their receivers have them. functions/host makes one for a worker whose events leave the node,
// controller/local one for a node. See docs/reliability.md for what it promises.
import { PermanentError, TransientError } from '../config/errors.ts';
import type { Log } from '../config/messages.ts';
import { checkAttributes } from './attributes.ts';
import { Courier, type CourierOptions } from './courier.ts';
import { ranks, rowOf, type EventRow, type OutgoingEvent, type StoredEvent } from './eventRows.ts';
import { OutboxStore } from './outboxStore.ts';
import { defaultSinkOptions, type Tokens } from './sink.ts';
import { Waiting, type Bounds, type DropReason } from './waiting.ts';
import type { OpenWay } from './way.ts';

export interface OutboxOptions extends Bounds {
  folder: string;
  maxDeadLetters: number;
  delivery: CourierOptions;
}

export const defaultOutboxOptions: Omit<OutboxOptions, 'folder'> = {
  maxBytes: 100 << 20,
  maxAgeMs: 86_400_000,
  maxReports: 60,
  maxDeadLetters: 1000,
  delivery: {
    ...defaultSinkOptions,
    longestDelayMs: 15_000,
    connections: 1,
    batch: { events: 256, bytes: 1 << 20 },
    troubleAfterMs: 5000,
  },
};

export interface OutboxParts {
  /** Where events for a target go; undefined: nobody knows yet, they wait. */
  resolve(this: void, target: string): string | undefined;
  /** What is shown to whoever is at this URL; undefined: nothing. */
  tokensFor?(this: void, url: string): Tokens | undefined;
  /** Ways other than HTTP. */
  openWay?: OpenWay | undefined;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** Milliseconds of a clock that never jumps. */
  nowMs?: () => number;
}

/** What metrics and reports show of an outbox. Counts are since it was opened. */
export interface OutboxFigures {
  waiting: number;
  bytes: number;
  oldestS: number;
  deadLetters: number;
  delivered: number;
  retries: number;
  dropped: Record<DropReason, number>;
  /** Why nothing arrives at the moment. */
  problem?: string;
}

interface Accepting {
  row: EventRow;
  resolve: () => void;
  reject: (error: Error) => void;
}

const upkeepMs = 2000;
const mostAccepting = 10_000;
/** Deliveries are written down with the next events; at the latest after so long, because a repeat is harmless. */
const lazyMs = 50;
/** A file that held more is made smaller when nothing waits any more. */
const shrinkAboveBytes = 8 << 20;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #parts: OutboxParts;
  readonly #store: OutboxStore;
  readonly #waiting: Waiting;
  readonly #stop = new AbortController();
  readonly #couriers = new Map<string, { courier: Courier; targets: Set<string>; ended: Promise<void> }>();
  readonly #counts = { delivered: 0, retries: 0 };
  readonly #numbers = new Map<string, number>();
  readonly #upkeep: NodeJS.Timeout;
  /** Begins where the last process stopped: only time that it was open makes events old, not a clock that is set. */
  readonly #epochMs: number;
  #accepting: Accepting[] = [];
  #delivered: Pick<StoredEvent, 'seq' | 'key' | 'bytes'>[] = [];
  #flushing: NodeJS.Immediate | undefined;
  #lazy: NodeJS.Timeout | undefined;
  #deadLetters: number;
  #mostBytes = 0;

  /** @throws TransientError that names the folder */
  constructor(options: Pick<OutboxOptions, 'folder'> & Partial<OutboxOptions>, parts: OutboxParts) {
    this.#options = { ...defaultOutboxOptions, ...options };
    this.#parts = parts;
    this.#store = new OutboxStore(options.folder, (movedTo) =>
      parts.log.error({ movedTo }, 'the outbox was damaged: starting with an empty one'),
    );
    this.#waiting = new Waiting(this.#store, this.#options, parts.log);
    this.#deadLetters = this.#store.deadLetterCount();
    this.#epochMs = (this.#store.span()?.newestMs ?? 0) - this.#nowMs();
    this.#upkeep = setInterval(() => this.#keepUp(), upkeepMs);
    this.#upkeep.unref();
    this.#wakeAll();
  }

  /**
   * Resolves once the event is on the disk; from then on it is delivered, or counted as dropped or dead.
   * Events of one `partitionkey` arrive in the order of the calls.
   * @throws PermanentError when it is no valid event or too large; TransientError while it cannot be stored
   */
  async accept(event: OutgoingEvent): Promise<void> {
    checkAttributes(event.envelope.attributes);
    if (this.#stop.signal.aborted) throw new TransientError('the outbox is closed');
    if (this.#accepting.length >= mostAccepting)
      throw new TransientError(`${mostAccepting} events wait to be stored`, { retryAfterMs: 1000 });
    return new Promise((resolve, reject) => {
      this.#accepting.push({ row: rowOf(event), resolve, reject });
      // Everything that comes in the same turn of the event loop shares one transaction.
      this.#flushing ??= setImmediate(() => this.#flush());
    });
  }

  /** Asks again where events go: `resolve` may answer otherwise from now on. */
  redirect(): void {
    if (!this.#stop.signal.aborted) this.#wakeAll();
  }

  /** Keeps a number over restarts, from the next transaction on. */
  remember(name: string, value: number): void {
    this.#numbers.set(name, value);
  }

  /** 0 when there is none. */
  recall(name: string): number {
    return this.#numbers.get(name) ?? this.#store.recall(name);
  }

  figures(): OutboxFigures {
    const { events: waiting, bytes } = this.#waiting.total();
    const [problem] = [...this.#couriers.values()].flatMap(({ courier }) => courier.problem ?? []);
    const oldestMs = this.#store.span()?.oldestMs ?? this.#clockMs();
    return {
      waiting,
      bytes,
      oldestS: Math.max(0, this.#clockMs() - oldestMs) / 1000,
      deadLetters: this.#deadLetters,
      ...this.#counts,
      dropped: this.#waiting.dropped,
      ...(problem && { problem: problem.reason }),
    };
  }

  /** Resolves when everything has arrived, or when a receiver does not take it now: the rest stays on the disk. */
  async settle(): Promise<void> {
    this.#flush();
    await Promise.all([...this.#couriers.values()].map(({ courier }) => courier.settled()));
  }

  /** Ends deliveries under way; what waits stays on the disk. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#flush();
    this.#stop.abort();
    clearInterval(this.#upkeep);
    for (const { courier, ended } of this.#couriers.values()) {
      await courier.close();
      await ended;
    }
    this.#flush();
    this.#store.close();
  }

  #nowMs(): number {
    return this.#parts.nowMs?.() ?? performance.now();
  }

  #clockMs(): number {
    return this.#epochMs + this.#nowMs();
  }

  readonly #busy = (): ReadonlySet<number> =>
    new Set([
      ...this.#delivered.map(({ seq }) => seq),
      ...[...this.#couriers.values()].flatMap(({ courier }) => courier.underWay),
    ]);

  #flush(): void {
    clearImmediate(this.#flushing);
    clearTimeout(this.#lazy);
    this.#flushing = this.#lazy = undefined;
    const accepting = this.#accepting.splice(0);
    if (accepting.length + this.#delivered.length + this.#numbers.size === 0) return;
    try {
      this.#write(accepting);
    } catch (error) {
      // The senders hear of it; what was delivered is forgotten with the next transaction that succeeds.
      for (const { reject } of accepting) reject(error as Error);
    }
    for (const target of new Set(accepting.map(({ row }) => row.target))) this.#courierFor(target)?.wake();
  }

  /** @throws TransientError */
  #write(accepting: readonly Accepting[]): void {
    const fitting = accepting.filter(({ row, reject }) => {
      const fits = this.#waiting.makeRoomFor(row, this.#busy);
      if (!fits)
        reject(new PermanentError(`an event is larger than the outbox (${this.#options.maxBytes} bytes)`));
      return fits;
    });
    const delivered = [...this.#delivered];
    const { taken, removed } = this.#store.write(
      fitting.map(({ row }) => row),
      this.#clockMs(),
      delivered.map(({ seq }) => seq),
      this.#numbers,
    );
    this.#numbers.clear();
    this.#delivered.splice(0, delivered.length);
    delivered.forEach(({ key, bytes }, i) => removed[i] && this.#waiting.add(key, -1, -bytes));
    fitting.forEach(({ row: { key, rank }, resolve }, i) => {
      if (taken[i]! > 0) this.#waiting.add(key, 1, taken[i]!);
      if (rank === ranks.report) this.#waiting.trimReports(key, this.#busy);
      resolve();
    });
    this.#mostBytes = Math.max(this.#mostBytes, this.#waiting.total().bytes);
  }

  #courierFor(target: string): Courier | undefined {
    const url = this.#parts.resolve(target);
    if (url === undefined || this.#stop.signal.aborted) return undefined;
    let found = this.#couriers.get(url);
    if (!found) {
      const targets = new Set<string>();
      const courier = this.#courier(url, targets);
      found = { courier, targets, ended: courier.run() };
      this.#couriers.set(url, found);
    }
    if (!found.targets.has(target)) {
      // What waits for a target goes one way, the newest: also what was stored when it went another.
      for (const { targets } of this.#couriers.values()) targets.delete(target);
      found.targets.add(target);
      found.courier.beginAgain();
    }
    return found.courier;
  }

  #courier(url: string, targets: ReadonlySet<string>): Courier {
    return new Courier({
      url,
      tokens: this.#parts.tokensFor?.(url),
      openWay: this.#parts.openWay,
      options: this.#options.delivery,
      stopped: this.#stop.signal,
      next: (after, most) => {
        // Who looks at everything anew must not find what has arrived and is not written down yet.
        if (after === 0) this.#flush();
        return targets.size === 0 ? [] : this.#store.next([...targets], after, most);
      },
      delivered: (events) => {
        this.#counts.delivered += events.length;
        this.#delivered.push(...events.map(({ seq, key, bytes }) => ({ seq, key, bytes })));
        this.#lazy ??= setTimeout(() => this.#flush(), lazyMs);
      },
      refused: (event, status, reason) => this.#bury(event, status, reason),
      onRetry: () => this.#counts.retries++,
      onTrouble: (reason, afterMs) => {
        const waiting = this.#waiting.total().events;
        if (reason !== undefined) this.#parts.log.warn({ url, reason, waiting }, 'events wait');
        else this.#parts.log.info({ url, afterS: Math.round(afterMs / 1000) }, 'events arrive again');
      },
    });
  }

  #bury({ seq, key, bytes, id, source }: StoredEvent, status: number, reason: string): void {
    this.#store.bury(seq, status, reason, Date.now(), this.#options.maxDeadLetters);
    this.#deadLetters = this.#store.deadLetterCount();
    this.#waiting.add(key, -1, -bytes);
    this.#parts.log.error(
      { event: id, source, status, reason },
      'event refused for good, see `mei outbox list`',
    );
  }

  /** What time alone brings: events that grow old, changes by `mei outbox`, receivers that are known by now, free disk. */
  #keepUp(): void {
    try {
      this.#flush();
      this.#waiting.expire(this.#clockMs(), this.#busy);
      if (this.#store.changedByOthers()) {
        this.#waiting.recount();
        this.#deadLetters = this.#store.deadLetterCount();
        this.#wakeAll();
      }
      if (this.#mostBytes > shrinkAboveBytes && this.#waiting.total().events === 0) {
        this.#store.shrink();
        this.#mostBytes = 0;
      }
    } catch (error) {
      this.#parts.log.warn({ reason: (error as Error).message }, 'the outbox cannot be kept up');
    }
  }

  #wakeAll(): void {
    for (const target of this.#store.targets()) this.#courierFor(target)?.wake();
  }
}
