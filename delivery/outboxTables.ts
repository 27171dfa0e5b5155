// The tables of an outbox and every access to them, prepared once. Called by outboxStore.ts.
import type Database from 'libsql';

/** `seq` only grows, also over deletions. A text in `data` is a JSON value, a blob is bytes. */
export const outboxSchema = `
  CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, key TEXT NOT NULL, rank INTEGER NOT NULL,
    at REAL NOT NULL, bytes INTEGER NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL,
    attributes TEXT NOT NULL, data
  );
  CREATE UNIQUE INDEX IF NOT EXISTS events_by_identity ON events (source, id);
  CREATE INDEX IF NOT EXISTS reports ON events (key, seq) WHERE rank = 0;
  CREATE TABLE IF NOT EXISTS dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, key TEXT NOT NULL, rank INTEGER NOT NULL,
    at REAL NOT NULL, bytes INTEGER NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL,
    attributes TEXT NOT NULL, data, status INTEGER NOT NULL, reason TEXT NOT NULL, refused REAL NOT NULL,
    UNIQUE (source, id)
  );
  CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
`;

export type OutboxStatements = ReturnType<typeof outboxStatements>;

export function outboxStatements(database: Database.Database) {
  const columns = 'target, key, rank, at, bytes, source, id, attributes, data';
  const next = new Map<number, Database.Statement>();
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
    insert: database.prepare(`INSERT OR IGNORE INTO events (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    remove: database.prepare('DELETE FROM events WHERE seq = ?'),
    /** For so many targets. The unary plus keeps to the order of the table instead of sorting all of it. */
    next(targets: number): Database.Statement {
      let found = next.get(targets);
      if (!found) {
        const marks = Array.from({ length: targets }, () => '?').join(', ');
        found = database.prepare(
          `SELECT * FROM events WHERE seq > ? AND +target IN (${marks}) ORDER BY seq LIMIT ?`,
        );
        next.set(targets, found);
      }
      return found;
    },
    bury: database.prepare(
      `INSERT OR REPLACE INTO dead_letters (${columns}, status, reason, refused)
       SELECT ${columns}, ?, ?, ? FROM events WHERE seq = ?`,
    ),
    trimDeadLetters: database.prepare(
      `DELETE FROM dead_letters WHERE number <= (SELECT number FROM dead_letters ORDER BY number DESC LIMIT 1 OFFSET ?)`,
    ),
    givesWay: database.prepare('SELECT seq, key, rank, bytes FROM events WHERE key = ? ORDER BY rank, seq'),
    oldReports: database.prepare(
      'SELECT seq, key, rank, bytes FROM events WHERE rank = 0 AND key = ? ORDER BY seq DESC LIMIT -1 OFFSET ?',
    ),
    expired: database.prepare(
      'SELECT seq, key, rank, bytes FROM events WHERE at < ? ORDER BY seq LIMIT 5000',
    ),
    amounts: database.prepare('SELECT key, count(*) AS events, sum(bytes) AS bytes FROM events GROUP BY key'),
    targets: database.prepare('SELECT DISTINCT target FROM events'),
    oldest: database.prepare('SELECT at FROM events ORDER BY seq LIMIT 1'),
    newest: database.prepare('SELECT at FROM events ORDER BY seq DESC LIMIT 1'),
    deadLetterCount: database.prepare('SELECT count(*) AS events FROM dead_letters'),
    deadLetters: database.prepare('SELECT * FROM dead_letters ORDER BY number'),
    replay: database.prepare(
      `INSERT OR IGNORE INTO events (${columns})
       SELECT target, key, rank, coalesce((SELECT max(at) FROM events), at), bytes, source, id, attributes, data
       FROM dead_letters WHERE number = ?`,
    ),
    dropDeadLetter: database.prepare('DELETE FROM dead_letters WHERE number = ?'),
    remember: database.prepare('INSERT OR REPLACE INTO numbers VALUES (?, ?)'),
    recall: database.prepare('SELECT value FROM numbers WHERE name = ?'),
  };
}
