// Makes sure that nothing of what was deleted is left in the files of the store. store.ts calls it after an erasure.
import type Database from 'libsql';
import { TransientError } from '../function.ts';
import type { StoreDatabase } from './database.ts';
import { isPostgres } from './postgres.ts';

/**
 * Gives free pages back and empties the write-ahead log. A file of an older version, whose deleted rows were not overwritten, is
 * written anew. On a server dead rows are cleared away, see docs/postgres.md.
 * @returns whether it is done: a server takes a while, and is asked again
 * @throws TransientError while another process reads the file
 */
export function compact(database: StoreDatabase): boolean {
  if (isPostgres(database)) return database.clearAway();
  const file = database as Database.Database;
  const [kind] = file.pragma('auto_vacuum') as { auto_vacuum: number }[];
  if (kind?.auto_vacuum === 2) file.exec('PRAGMA incremental_vacuum;');
  else file.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM;');
  const [log] = file.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
  if (log?.busy !== 0)
    throw new TransientError('somebody reads the store: what was erased is still in its log', {
      retryAfterMs: 1000,
    });
  return true;
}

/** Of rows that have expired, a part at a time; a server does it by itself. */
export function giveRoomBack(database: StoreDatabase): void {
  if (!isPostgres(database)) database.exec('PRAGMA incremental_vacuum(4000);');
}
