// Makes sure that nothing of what was deleted is left in the files of the embedded store. store.ts calls it after an erasure.
import type Database from 'libsql';
import { TransientError } from '../function.ts';

/**
 * Gives free pages back and empties the write-ahead log. A file of an older version, whose deleted rows were not overwritten, is
 * written anew. @throws TransientError while another process reads: then the log cannot be emptied yet
 */
export function compact(database: Database.Database): void {
  const [kind] = database.pragma('auto_vacuum') as { auto_vacuum: number }[];
  if (kind?.auto_vacuum === 2) database.exec('PRAGMA incremental_vacuum;');
  else database.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM;');
  const [log] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
  if (log?.busy !== 0)
    throw new TransientError('somebody reads the store: what was erased is still in its log', {
      retryAfterMs: 1000,
    });
}
