// What the engines of a store have in common, and where a store can be: sqlite.ts and postgres.ts are such engines, database.ts takes
// the one that a place asks for.
import type { AddressSource } from './postgresUrl.ts';

export interface PostgresPlace {
  /** For people; without a password. */
  name: string;
  source: AddressSource;
  task: { namespace: string; name: string };
  schema: string;
  /** Arguments of node for threads, e.g. a loader; by default those of this process. */
  threadArgv?: string[];
}

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
