// Opens the embedded store's file, for its lease and its contents; several processes may have it open.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { PermanentError, TransientError } from '../function.ts';
import { migrate } from './schema.ts';

export const storeFileName = 'identities.db';

export interface DatabaseOptions {
  /** FULL: what is committed survives a power cut. */
  synchronous: 'FULL' | 'NORMAL';
  /** How long a write waits for one of another process; the thread waits too. */
  busyTimeoutMs: number;
}

/** Of the newest version. @throws TransientError that names the folder, PermanentError when a newer program wrote the file */
export function openDatabase(
  folder: string,
  { synchronous, busyTimeoutMs }: DatabaseOptions,
): Database.Database {
  return guarded(folder, () => {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, storeFileName);
    const opened = new Database(file);
    try {
      // First of all: even the switch to WAL may meet another process.
      opened.exec('PRAGMA busy_timeout = 5000;');
      // Of a file without tables yet: what is deleted later gives its room back. What is deleted is overwritten, in every file.
      opened.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA secure_delete = ON;');
      opened.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};`);
      migrate(opened, file);
      opened.exec(`PRAGMA busy_timeout = ${busyTimeoutMs};`);
    } catch (error) {
      opened.close();
      throw error;
    }
    return opened;
  });
}

/** Runs an access to the store; what the engine or the file system refuses becomes one clear line. */
export function guarded<T>(folder: string, access: () => T): T {
  try {
    return access();
  } catch (error) {
    const isOwn = error instanceof TransientError || error instanceof PermanentError;
    if (isOwn || !(error instanceof Error)) throw error;
    const why = error.message.replace(/\s+/g, ' ');
    throw new TransientError(
      `the store in ${folder} cannot be written (${why}): check space and permissions`,
      {
        cause: error,
        retryAfterMs: 5000,
      },
    );
  }
}
