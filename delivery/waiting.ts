// Counts what waits in an outbox and keeps it within its bounds; says aloud what that costs. Called by outbox.ts.
import type { Log } from '../config/messages.ts';
import type { EventRow } from './eventRows.ts';
import type { Amount, OutboxStore, Removed } from './outboxStore.ts';

export interface Bounds {
  /** Most bytes that wait under one key. */
  maxBytes: number;
  /** What waits longer, while a process works on this outbox, is dropped. */
  maxAgeMs: number;
  /** Reports that wait under one key; newer ones make the oldest superfluous. */
  maxReports: number;
}

export type DropReason = 'age' | 'room' | 'superseded';

/** Room that is made at a time, as a share of the bound: making it for each event alone would read the table each time. */
const roomShare = 1 / 64;

export class Waiting {
  readonly #store: OutboxStore;
  readonly #bounds: Bounds;
  readonly #log: Pick<Log, 'warn'>;
  readonly #dropped: Record<DropReason, number> = { age: 0, room: 0, superseded: 0 };
  #amounts: Map<string, Amount>;

  constructor(store: OutboxStore, bounds: Bounds, log: Pick<Log, 'warn'>) {
    this.#store = store;
    this.#bounds = bounds;
    this.#log = log;
    this.#amounts = store.amounts();
  }

  /** Since this was made. */
  get dropped(): Record<DropReason, number> {
    return { ...this.#dropped };
  }

  total(): Amount {
    const total = { events: 0, bytes: 0 };
    for (const { events, bytes } of this.#amounts.values()) {
      total.events += events;
      total.bytes += bytes;
    }
    return total;
  }

  add(key: string, events: number, bytes: number): void {
    const before = this.#amounts.get(key) ?? { events: 0, bytes: 0 };
    const after = { events: before.events + events, bytes: before.bytes + bytes };
    if (after.events > 0) this.#amounts.set(key, after);
    else this.#amounts.delete(key);
  }

  /** Counts anew, after somebody else wrote. */
  recount(): void {
    this.#amounts = this.#store.amounts();
  }

  /** False when the event is larger than all the room there is; else makes room for it where there is none. */
  makeRoomFor({ key, bytes }: EventRow, busy: () => ReadonlySet<number>): boolean {
    const { maxBytes } = this.#bounds;
    if (bytes > maxBytes) return false;
    const over = (this.#amounts.get(key)?.bytes ?? 0) + bytes - maxBytes;
    if (over > 0) this.#gone('room', this.#store.makeRoom(key, Math.max(over, maxBytes * roomShare), busy()));
    return true;
  }

  /** Drops reports of a key that newer ones made superfluous. */
  trimReports(key: string, busy: () => ReadonlySet<number>): void {
    const { maxReports } = this.#bounds;
    if ((this.#amounts.get(key)?.events ?? 0) <= maxReports) return;
    this.#gone('superseded', this.#store.trimReports(key, maxReports, busy()));
  }

  /** Drops what has waited too long. */
  expire(clockMs: number, busy: () => ReadonlySet<number>): void {
    const limitMs = clockMs - this.#bounds.maxAgeMs;
    const span = this.#store.span();
    if (span && span.oldestMs < limitMs) this.#gone('age', this.#store.expire(limitMs, busy()));
  }

  #gone(reason: DropReason, removed: readonly Removed[]): void {
    const kinds = new Map<string, { key: string; rank: string; events: number; bytes: number }>();
    for (const { key, rank, bytes } of removed) {
      this.add(key, -1, -bytes);
      const kind = kinds.get(`${rank} ${key}`) ?? { key, rank, events: 0, bytes: 0 };
      kinds.set(`${rank} ${key}`, { ...kind, events: kind.events + 1, bytes: kind.bytes + bytes });
    }
    this.#dropped[reason] += removed.length;
    // Superseded reports are no loss.
    if (reason !== 'superseded')
      for (const kind of kinds.values()) this.#log.warn({ ...kind, reason }, 'events dropped undelivered');
  }
}
