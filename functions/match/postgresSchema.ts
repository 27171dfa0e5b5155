// Makes the tables of schema.ts on a PostgreSQL server and brings them to this version. postgres.ts calls it before anything else.
import { PermanentError } from '../function.ts';
import type { PostgresPlace, StoreDatabase } from './engine.ts';
import { tablesInPostgres } from './dialect.ts';
import { migrations } from './schema.ts';

/** What SQLite has by itself: the order in which paths came. By the version that the step leads to. */
const additions: Record<number, string> = {
  2: `ALTER TABLE paths ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY;
      CREATE UNIQUE INDEX paths_in_order ON paths (rowid);`,
};

interface Version {
  version: number;
  namespace: string;
  task: string;
}

/**
 * One at a time, whoever begins at once; all steps or none.
 * @throws PermanentError when a newer program wrote it, or when it is another task's
 */
export function migrateSchema(database: StoreDatabase, place: PostgresPlace): void {
  const { schema, task } = place;
  if (versionOf(database, place) === migrations.length) return;
  const identifier = `"${schema.replaceAll('"', '""')}"`;
  database
    .transaction(() => {
      // Held until the end of the transaction.
      database.prepare('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))').all(lockNameOf(place));
      // Whoever may not make schemas may be given one.
      if (!isThere(database, 'to_regnamespace', identifier)) database.exec(`CREATE SCHEMA ${identifier}`);
      database.exec(
        'CREATE TABLE IF NOT EXISTS store_version (version BIGINT NOT NULL, namespace TEXT NOT NULL, task TEXT NOT NULL)',
      );
      const version = versionOf(database, place);
      if (version === undefined)
        database
          .prepare('INSERT INTO store_version (version, namespace, task) VALUES (0, ?, ?)')
          .run(task.namespace, task.name);
      for (let step = version ?? 0; step < migrations.length; step++) {
        database.exec(tablesInPostgres(migrations[step]!));
        if (additions[step + 1]) database.exec(additions[step + 1]!);
      }
      database.prepare('UPDATE store_version SET version = ?').run(migrations.length);
    })
    .immediate();
}

/** Of the lock under which its tables are changed. */
export function lockNameOf({ schema }: PostgresPlace): string {
  return `mei store ${schema}`;
}

/** Whether its tables are there, and of this version. @throws PermanentError as above */
export function isCurrent(database: StoreDatabase, place: PostgresPlace): boolean {
  return versionOf(database, place) === migrations.length;
}

/** Undefined: there is none. */
function versionOf(database: StoreDatabase, { schema, task }: PostgresPlace): number | undefined {
  if (!isThere(database, 'to_regclass', 'store_version')) return undefined;
  const row = database.prepare('SELECT version, namespace, task FROM store_version').get() as
    Version | undefined;
  if (!row) return undefined;
  if (row.namespace !== task.namespace || row.task !== task.name)
    throw new PermanentError(
      `schema ${schema} is the store of ${row.namespace}/${row.task}, not of ${task.namespace}/${task.name}`,
    );
  if (row.version > migrations.length)
    throw new PermanentError(
      `schema ${schema} was written by a newer version (${row.version}, known up to ${migrations.length}): run that one`,
    );
  return row.version;
}

function isThere(database: StoreDatabase, as: 'to_regclass' | 'to_regnamespace', name: string): boolean {
  const row = database.prepare(`SELECT ${as}(?) IS NOT NULL AS there`).get(name) as { there: boolean };
  return row.there;
}
