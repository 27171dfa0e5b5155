// Vectors where the server can compare them: a column that pgvector understands beside the bytes that count. postgres.ts calls it once
// the tables are there; without the extension there is no such column, and whoever searches compares the bytes.
import type { StoreDatabase } from './engine.ts';

export interface VectorColumn {
  /** Type of the column: exact for -127..127 in both. */
  type: 'halfvec' | 'vector';
  /** Schema of the extension, as it is written in SQL. */
  schema: string;
  /** Of the extension. */
  version: string;
}

interface Extension {
  version: string;
  schema: string;
}

/** Halves are known since. */
const halvesSince = [0, 7];

/**
 * Makes the column, or finds it. A server that has the extension in store is asked to switch it on, which may need somebody else's
 * hand; a column of an older version stays as it is.
 * @returns undefined without the extension
 */
export function ensureVectors(database: StoreDatabase, lockName: string): VectorColumn | undefined {
  const extension = findExtension(database) ?? switchOn(database);
  if (!extension) return undefined;
  const halves = isSince(extension.version, halvesSince);
  const found = typeOfColumn(database);
  if (found) return { ...extension, type: found };
  const type = halves ? 'halfvec' : 'vector';
  database
    .transaction(() => {
      database.prepare('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))').all(lockName);
      if (typeOfColumn(database)) return;
      // Reading a store that is there already takes a while.
      database.exec('SET LOCAL statement_timeout TO 0');
      database.exec(`CREATE OR REPLACE FUNCTION signed_bytes(bytea) RETURNS real[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
        'SELECT array_agg(((get_byte($1, i) + 128) % 256 - 128)::real ORDER BY i) FROM generate_series(0, octet_length($1) - 1) AS i'`);
      database.exec(
        `ALTER TABLE prototypes ADD COLUMN embedding ${extension.schema}.${type}
         GENERATED ALWAYS AS (signed_bytes(vector)::${extension.schema}.${type}) STORED`,
      );
    })
    .immediate();
  return { ...extension, type };
}

/** Undefined: there is none. */
export function findVectors(database: StoreDatabase): VectorColumn | undefined {
  const extension = findExtension(database);
  const type = extension && typeOfColumn(database);
  return type && { ...extension, type };
}

function findExtension(database: StoreDatabase): Extension | undefined {
  return database
    .prepare(
      `SELECT extversion AS version, quote_ident(nspname) AS schema FROM pg_extension
       JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'vector'`,
    )
    .get() as Extension | undefined;
}

function switchOn(database: StoreDatabase): Extension | undefined {
  const isInStore = database
    .prepare(`SELECT 1 AS one FROM pg_available_extensions WHERE name = 'vector'`)
    .get();
  if (!isInStore) return undefined;
  try {
    database.exec('CREATE EXTENSION IF NOT EXISTS vector SCHEMA public');
  } catch {
    // Whoever may not do it has to ask for it: docs/postgres.md.
    return undefined;
  }
  return findExtension(database);
}

function typeOfColumn(database: StoreDatabase): 'halfvec' | 'vector' | undefined {
  const row = database
    .prepare(
      `SELECT udt_name AS type FROM information_schema.columns
       WHERE table_schema = current_schema() AND table_name = 'prototypes' AND column_name = 'embedding'`,
    )
    .get() as { type: 'halfvec' | 'vector' } | undefined;
  return row?.type;
}

function isSince(version: string, [major = 0, minor = 0]: readonly number[]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
