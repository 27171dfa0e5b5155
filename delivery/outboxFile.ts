// Opens the SQLite file of an outbox, and makes one where there is none. Called by outboxStore.ts.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { outboxSchema } from './outboxTables.ts';

export const outboxFileName = 'outbox.db';

/** A damaged file is put aside, and `onDamaged` hears where: a node that delivers nothing until somebody mends a file is worse. */
export function openFile(folder: string, onDamaged: (movedTo: string) => void): Database.Database {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, outboxFileName);
  try {
    return prepared(file);
  } catch (error) {
    if (!/malformed|not a database|corrupt/i.test((error as Error).message)) throw error;
    const movedTo = `${file}.damaged`;
    renameSync(file, movedTo);
    for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    onDamaged(movedTo);
    return prepared(file);
  }
}

function prepared(file: string): Database.Database {
  const database = new Database(file);
  try {
    database.pragma('busy_timeout = 5000');
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('journal_mode = WAL');
    // Acknowledged means stored, also when the power fails: each commit waits for the disk.
    database.pragma('synchronous = FULL');
    database.pragma('wal_autocheckpoint = 512');
    database.exec(outboxSchema);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
