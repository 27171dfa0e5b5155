// The file of an outbox: what waits, and what was refused for good. outbox.ts works on it while a process runs,
// `mei outbox` whenever somebody asks; both may do so at once.
import { TransientError } from '../config/errors.ts';
import { rankOf, type EventRow, type Rank, type StoredEvent } from './eventRows.ts';
import { openFile } from './outboxFile.ts';
import { outboxStatements, type OutboxStatements } from './outboxTables.ts';
import type Database from 'libsql';

/** An event that its receiver refused for good. */
export interface DeadLetter extends EventRow {
  number: number;
  /** Of the answer. */
  status: number;
  reason: string;
  /** Milliseconds since the epoch. */
  refused: number;
}

export interface Amount {
  events: number;
  bytes: number;
}

/** An event that gave way. */
export interface Removed {
  key: string;
  rank: Rank;
  bytes: number;
}

export class OutboxStore {
  readonly #folder: string;
  readonly #database: Database.Database;
  readonly #sql: OutboxStatements;
  #version: number;

  /**
   * Opens or makes the outbox in `folder`; a damaged file is put aside, and `onDamaged` hears where.
   * @throws TransientError that names the folder
   */
  constructor(folder: string, onDamaged: (movedTo: string) => void = () => undefined) {
    this.#folder = folder;
    this.#database = this.#guarded(() => openFile(folder, onDamaged));
    this.#sql = outboxStatements(this.#database);
    this.#version = this.#dataVersion();
  }

  /**
   * One transaction, safe against a killed process and a power cut once it returns: stores `events` (`atMs` on the outbox's
   * own clock), forgets the
   * `delivered` ones, remembers `numbers`. An event that waits already (same source and id) is not stored again.
   * @returns for each event the bytes it takes, 0 when it was there; and for each delivered one whether it still was
   */
  write(
    events: readonly EventRow[],
    atMs: number,
    delivered: readonly number[],
    numbers: ReadonlyMap<string, number>,
  ): { taken: number[]; removed: boolean[] } {
    return this.#inTransaction(() => {
      const taken = events.map((event) => this.#insert(event, atMs));
      const removed = delivered.map((sequence) => this.#sql.remove.run(sequence).changes > 0);
      for (const [name, value] of numbers) this.#sql.remember.run(name, value);
      return { taken, removed };
    });
  }

  /** The oldest events for `targets` after a place in the order; at least one when there is one. */
  next(targets: readonly string[], after: number, most: Amount): StoredEvent[] {
    return this.#guarded(() => {
      const rows = this.#sql.next(targets.length).all(after, ...targets, most.events) as StoredEvent[];
      let bytes = 0;
      const fits = (row: StoredEvent, i: number) => (bytes += row.bytes) <= most.bytes || i === 0;
      const end = rows.findIndex((row, i) => !fits(row, i));
      return rows.slice(0, end < 0 ? rows.length : end).map(withBytes);
    });
  }

  /** Moves an event to the dead letters, of which the newest `most` are kept. */
  bury(sequence: number, status: number, reason: string, refusedMs: number, most: number): void {
    this.#inTransaction(() => {
      this.#sql.bury.run(status, reason.slice(0, 500), refusedMs, sequence);
      this.#sql.remove.run(sequence);
      this.#sql.trimDeadLetters.run(most);
    });
  }

  /** Removes the events of `key` that give way first until `bytes` are free, none that is busy. Returns what went. */
  makeRoom(key: string, bytes: number, busy: ReadonlySet<number>): Removed[] {
    const rows = this.#guarded(() => this.#sql.givesWay.all(key)) as StoredEvent[];
    let freed = 0;
    return this.#remove(rows, busy, (row) => freed < bytes && (freed += row.bytes) > 0);
  }

  /** Keeps the newest `most` reports of a key, and those that are busy. Returns what went. */
  trimReports(key: string, most: number, busy: ReadonlySet<number>): Removed[] {
    return this.#remove(this.#guarded(() => this.#sql.oldReports.all(key, most)) as StoredEvent[], busy);
  }

  /** Removes what was stored before `atMs` and is not busy, at most some thousand. Returns what went. */
  expire(atMs: number, busy: ReadonlySet<number>): Removed[] {
    return this.#remove(this.#guarded(() => this.#sql.expired.all(atMs)) as StoredEvent[], busy);
  }

  /** What waits, by key. */
  amounts(): Map<string, Amount> {
    const rows = this.#guarded(() => this.#sql.amounts.all()) as (Amount & { key: string })[];
    return new Map(rows.map(({ key, events, bytes }) => [key, { events, bytes }]));
  }

  /** Targets of what waits. */
  targets(): string[] {
    return (this.#guarded(() => this.#sql.targets.all()) as { target: string }[]).map((row) => row.target);
  }

  /** When the oldest and the newest waiting event were stored, on the outbox's clock. */
  span(): { oldestMs: number; newestMs: number } | undefined {
    const [oldest, newest] = this.#guarded(() => [this.#sql.oldest.get(), this.#sql.newest.get()]) as (
      { at: number } | undefined
    )[];
    return oldest && newest && { oldestMs: oldest.at, newestMs: newest.at };
  }

  deadLetterCount(): number {
    return (this.#guarded(() => this.#sql.deadLetterCount.get()) as { events: number }).events;
  }

  deadLetters(): DeadLetter[] {
    return (this.#guarded(() => this.#sql.deadLetters.all()) as DeadLetter[]).map(withBytes);
  }

  /** Lets dead letters wait again, behind everything else. Returns how many there were. */
  replay(numbers: readonly number[]): number {
    return this.#inTransaction(() =>
      numbers.reduce((sum, number) => {
        const { changes } = this.#sql.replay.run(number);
        this.#sql.dropDeadLetter.run(number);
        return sum + changes;
      }, 0),
    );
  }

  /** Forgets dead letters. Returns how many there were. */
  drop(numbers: readonly number[]): number {
    return this.#inTransaction(() =>
      numbers.reduce((sum, number) => sum + this.#sql.dropDeadLetter.run(number).changes, 0),
    );
  }

  /** A number that was given to `write` under this name; 0 when none was. */
  recall(name: string): number {
    const row = this.#guarded(() => this.#sql.recall.get(name)) as { value: number } | undefined;
    return row?.value ?? 0;
  }

  /** Whether another process wrote since the last call. */
  changedByOthers(): boolean {
    const before = this.#version;
    this.#version = this.#dataVersion();
    return this.#version !== before;
  }

  /** Gives the disk back what a long outage took. */
  shrink(): void {
    this.#guarded(() => {
      this.#database.pragma('incremental_vacuum');
      this.#database.pragma('wal_checkpoint(TRUNCATE)');
    });
  }

  close(): void {
    this.#database.close();
  }

  #remove(
    rows: readonly StoredEvent[],
    busy: ReadonlySet<number>,
    wanted: (row: StoredEvent) => boolean = () => true,
  ): Removed[] {
    return this.#inTransaction(() =>
      rows.flatMap((row) => {
        if (busy.has(row.seq) || !wanted(row)) return [];
        this.#sql.remove.run(row.seq);
        return [{ key: row.key, rank: rankOf(row.rank), bytes: row.bytes }];
      }),
    );
  }

  #insert(row: EventRow, atMs: number): number {
    const { target, key, rank, bytes, source, id, attributes, data } = row;
    const { changes } = this.#sql.insert.run(target, key, rank, atMs, bytes, source, id, attributes, data);
    return changes === 0 ? 0 : bytes;
  }

  #dataVersion(): number {
    const [row] = this.#database.pragma('data_version') as { data_version: number }[];
    return row!.data_version;
  }

  #inTransaction<T>(work: () => T): T {
    return this.#guarded(() => {
      this.#sql.begin.run();
      try {
        const result = work();
        this.#sql.commit.run();
        return result;
      } catch (error) {
        if (this.#database.inTransaction) this.#sql.rollback.run();
        throw error;
      }
    });
  }

  /** What the engine or the file system refuses becomes one clear line. */
  #guarded<T>(access: () => T): T {
    try {
      return access();
    } catch (cause) {
      const why = (cause as Error).message.replace(/\s+/g, ' ');
      throw new TransientError(
        `the outbox in ${this.#folder} cannot be used (${why}): check space and permissions`,
        { cause, retryAfterMs: 1000 },
      );
    }
  }
}

/** The engine gives bytes as an ArrayBuffer or a Buffer, as it likes. */
function withBytes<T extends EventRow>(row: T): T {
  const data = row.data as string | ArrayBuffer | Uint8Array | null;
  return data === null || typeof data === 'string' ? row : { ...row, data: new Uint8Array(data) };
}
