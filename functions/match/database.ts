// The store's database, whichever engine it is: store.ts, lease.ts and archive.ts get it from here and speak SQL that both engines
// understand. See docs/decisions/0014-a-store-on-a-server.md.
import { PermanentError, TransientError } from '../function.ts';
import type { DatabaseOptions, StoreDatabase, StorePlace } from './engine.ts';
import { isPostgres, openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';

export { storeFileName } from './sqlite.ts';

export type { StoreDatabase, StorePlace } from './engine.ts';

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
