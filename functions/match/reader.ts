// Opens a store for those who only read it: archiveThread.ts, export.ts and the console. They never make or change tables.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { TransientError } from '../function.ts';
import { openDatabase, type StoreDatabase, type StorePlace } from './database.ts';
import { connectPostgres, isPostgres } from './postgres.ts';
import { hasTables, isReadable } from './schema.ts';
import { storeFileName } from './sqlite.ts';

/** Undefined while nothing is stored yet. @throws TransientError while it cannot be read, PermanentError as openDatabase */
export function openReader(place: StorePlace): StoreDatabase | undefined {
  return typeof place === 'string' ? readFile(join(place, storeFileName)) : connectPostgres(place);
}

/** Another one whenever something was stored since. */
export function changeOf(database: StoreDatabase): number {
  if (isPostgres(database)) {
    const sql = 'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next';
    return Number((database.prepare(sql).get() as { next: string }).next);
  }
  const [row] = (database as Database.Database).pragma('data_version') as { data_version: number }[];
  return row?.data_version ?? 0;
}

/**
 * Gives a run of an earlier version the tables that are new; where nothing may be written there, whoever reads it says so.
 * @throws PermanentError when a newer program wrote it
 */
export function bringUpToDate(folder: string): void {
  try {
    openDatabase(folder, { synchronous: 'FULL', busyTimeoutMs: 5000 }).close();
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
  }
}

function readFile(file: string): StoreDatabase | undefined {
  if (!existsSync(file)) return undefined;
  const opened = new Database(file, { readonly: true });
  if (!isReadable(opened)) {
    const isOther = hasTables(opened);
    opened.close();
    if (!isOther) return undefined;
    throw new TransientError(
      `${file} is of another version: a worker that may write there brings it up to date, as mei search does`,
    );
  }
  opened.exec('PRAGMA busy_timeout = 5000;');
  return opened;
}
