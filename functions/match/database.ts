// The store's database, whichever engine it is: store.ts, lease.ts and archive.ts get it from here and speak SQL that both engines
// understand. See docs/decisions/0012-a-store-on-a-server.md.
import { PermanentError, TransientError } from '../function.ts';
import { isPostgres, openPostgres, type PostgresPlace } from './postgres.ts';
import { openSqlite } from './sqlite.ts';

export { storeFileName } from './sqlite.ts';

/** Where a task's store is: a folder for the embedded one, or a database on a server. */
export type StorePlace = string | PostgresPlace;

export interface Statement {
  /** The first row; undefined when there is none. Binary columns come as ArrayBuffer or Uint8Array. */
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
  /** On a server it may be sent later, with others of its transaction: asking for `changes` sends it at once. */
  run(...values: unknown[]): { readonly changes: number };
}

export interface Transaction<Arguments extends unknown[], Result> {
  (...values: Arguments): Result;
  /** Nobody else writes from its beginning on. */
  immediate(...values: Arguments): Result;
}

/** Answers while the caller's thread waits, as a file does. `?` stands for a value. */
export interface StoreDatabase {
  /** Absent: SQLite. */
  readonly engine?: 'postgres';
  prepare(sql: string): Statement;
  exec(sql: string): unknown;
  transaction<Arguments extends unknown[], Result>(
    work: (...values: Arguments) => Result,
  ): Transaction<Arguments, Result>;
  close(): void;
}

export interface DatabaseOptions {
  /** FULL: what is committed survives a power cut. */
  synchronous: 'FULL' | 'NORMAL';
  /** How long a write waits for one of another process; the thread waits too. */
  busyTimeoutMs: number;
}

/** Of the newest version. @throws TransientError that names the place, PermanentError when a newer program wrote it */
export function openDatabase(place: StorePlace, options: DatabaseOptions): StoreDatabase {
  return guarded(place, () => (typeof place === 'string' ? openSqlite(place, options) : openPostgres(place)));
}

/** Runs an access to the store; what the engine or the file system refuses becomes one clear line. */
export function guarded<T>(place: StorePlace, access: () => T): T {
  try {
    return access();
  } catch (error) {
    const isOwn = error instanceof TransientError || error instanceof PermanentError;
    if (isOwn || !(error instanceof Error)) throw error;
    const why = error.message.replace(/\s+/g, ' ');
    throw new TransientError(
      `the store in ${nameOf(place)} cannot be written (${why}): check space and permissions`,
      {
        cause: error,
        retryAfterMs: 5000,
      },
    );
  }
}

/** For people and logs. */
export function nameOf(place: StorePlace): string {
  return typeof place === 'string' ? place : place.name;
}

/** All that `read` reads is of one moment. */
export function atOneMoment<T>(database: StoreDatabase, read: () => T): T {
  if (isPostgres(database)) return database.snapshot(read);
  database.exec('BEGIN');
  try {
    return read();
  } finally {
    database.exec('COMMIT');
  }
}
