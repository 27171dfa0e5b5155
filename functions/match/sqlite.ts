// Opens the embedded store's file, for its lease and its contents; several processes may have it open. database.ts calls it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import type { DatabaseOptions } from './engine.ts';
import { migrateFile } from './schema.ts';

export const storeFileName = 'identities.db';

/** @throws PermanentError when a newer program wrote the file, Error of the engine or the file system */
export function openSqlite(
  folder: string,
  { synchronous, busyTimeoutMs }: DatabaseOptions,
): Database.Database {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, storeFileName);
  const opened = new Database(file);
  try {
    // First of all: even the switch to WAL may meet another process.
    opened.exec('PRAGMA busy_timeout = 5000;');
    // Of a file without tables yet: what is deleted later gives its room back. What is deleted is overwritten, in every file.
    opened.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA secure_delete = ON;');
    opened.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};`);
    migrateFile(opened, file);
    opened.exec(`PRAGMA busy_timeout = ${busyTimeoutMs};`);
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}
