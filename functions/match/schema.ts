// The store's tables and how a file of an older version becomes one of this version. Called by sqlite.ts; postgresSchema.ts makes the
// same tables on a server.
import { PermanentError } from '../function.ts';
import type Database from 'libsql';

/**
 * One step a version, never edited once released. Types are INTEGER, REAL, TEXT and BLOB: postgresSchema.ts knows no others.
 * `tracks`, `prototypes`, `paths`, `contacts`, `sightings`: what is known of every track, for results and history. `events`: what was announced, by the
 * event that caused it, so that a repeated event gets the same answer. `traces`, `inbox`, `cameras`: the matcher's memory. `received`: events
 * that carry no revision to recognise them by. `lease`: who may write. `names`: those that people had before a merge. `forgotten`: digests of
 * tracks of people who were erased. `target_pictures`: of which target a query picture is, and its bytes where only the store has them.
 * `erasures`: such as subscribers may not have heard of.
 */
export const migrations = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE tracks (
    camera TEXT NOT NULL, track TEXT NOT NULL, model TEXT NOT NULL, revision INTEGER NOT NULL,
    first_seen REAL NOT NULL, last_seen REAL NOT NULL, observations INTEGER NOT NULL, ended INTEGER NOT NULL,
    identity TEXT, score REAL, margin REAL, reason TEXT,
    PRIMARY KEY (camera, track)
  ) WITHOUT ROWID;
  CREATE INDEX tracks_by_identity ON tracks (identity, first_seen);
  CREATE INDEX tracks_by_time ON tracks (last_seen);
  CREATE TABLE prototypes (
    camera TEXT NOT NULL, track TEXT NOT NULL, slot INTEGER NOT NULL,
    vector BLOB NOT NULL, scale REAL NOT NULL, quality REAL NOT NULL, weight INTEGER NOT NULL, time REAL NOT NULL,
    PRIMARY KEY (camera, track, slot)
  );
  CREATE TABLE events (
    sequence INTEGER PRIMARY KEY, source TEXT NOT NULL, cause TEXT NOT NULL, time REAL NOT NULL, changes TEXT NOT NULL
  );
  CREATE INDEX events_by_cause ON events (source, cause);
  CREATE TABLE traces (key TEXT PRIMARY KEY, trace BLOB NOT NULL);
  CREATE TABLE inbox (
    camera TEXT NOT NULL, position INTEGER NOT NULL, track TEXT NOT NULL, revision INTEGER NOT NULL, waiting BLOB NOT NULL,
    PRIMARY KEY (camera, position)
  );
  CREATE TABLE cameras (
    camera TEXT PRIMARY KEY, turn REAL, position INTEGER NOT NULL, ended INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  `
  CREATE TABLE paths (
    camera TEXT NOT NULL, track TEXT NOT NULL, revision INTEGER NOT NULL, first_seen REAL NOT NULL, last_seen REAL NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, points BLOB NOT NULL,
    PRIMARY KEY (camera, track, revision)
  );
  CREATE INDEX paths_by_time ON paths (last_seen);
  CREATE TABLE contacts (
    camera TEXT NOT NULL, track TEXT NOT NULL, other_camera TEXT NOT NULL, other_track TEXT NOT NULL,
    first_seen REAL NOT NULL, last_seen REAL NOT NULL, exposure REAL NOT NULL, distance REAL, deviation REAL,
    PRIMARY KEY (camera, track, other_camera, other_track, first_seen)
  );
  CREATE INDEX contacts_by_time ON contacts (last_seen);
  `,
  `
  CREATE TABLE received (
    sequence INTEGER PRIMARY KEY, source TEXT NOT NULL, id TEXT NOT NULL, UNIQUE (source, id)
  );
  `,
  `
  CREATE TABLE sightings (
    target TEXT NOT NULL, camera TEXT NOT NULL, track TEXT NOT NULL, score REAL, margin REAL, reason TEXT NOT NULL,
    time REAL NOT NULL, PRIMARY KEY (target, camera, track)
  );
  CREATE INDEX sightings_by_time ON sightings (time);
  CREATE TABLE pictures (
    picture TEXT NOT NULL, model TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (picture, model)
  ) WITHOUT ROWID;
  `,
  `
  CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, epoch INTEGER NOT NULL, beat INTEGER NOT NULL
  );
  `,
  `
  CREATE TABLE names (former TEXT PRIMARY KEY, identity TEXT NOT NULL, time REAL NOT NULL) WITHOUT ROWID;
  CREATE INDEX names_by_identity ON names (identity);
  CREATE INDEX names_by_time ON names (time);
  CREATE TABLE forgotten (key TEXT PRIMARY KEY, time REAL NOT NULL) WITHOUT ROWID;
  CREATE INDEX forgotten_by_time ON forgotten (time);
  CREATE TABLE target_pictures (
    target TEXT NOT NULL, picture TEXT NOT NULL, bytes BLOB, PRIMARY KEY (target, picture)
  );
  CREATE TABLE erasures (sequence INTEGER PRIMARY KEY, erased TEXT NOT NULL);
  CREATE INDEX tracks_by_start ON tracks (first_seen, camera, track);
  CREATE INDEX contacts_by_other ON contacts (other_camera, other_track);
  CREATE INDEX sightings_by_track ON sightings (camera, track);
  CREATE INDEX prototypes_by_time ON prototypes (time);
  CREATE INDEX events_by_time ON events (time);
  `,
];

/** Brings the file to this version; another process may be at it too. @throws PermanentError when a newer program wrote it */
export function migrateFile(database: Database.Database, file: string): void {
  const known = migrations.length;
  const step = database.transaction(() => {
    const version = versionOf(database);
    if (version < known) database.exec(`${migrations[version]} PRAGMA user_version = ${version + 1};`);
  });
  while (versionOf(database) < known) step.immediate();
  const version = versionOf(database);
  if (version > known)
    throw new PermanentError(`${file} was written by a newer version (${version}, known up to ${known})`);
}

/** Whether a reader of this version can read it; false while its tables are being made. */
export function isReadable(database: Database.Database): boolean {
  return versionOf(database) === migrations.length;
}

/** Whether there are tables at all, of whatever version. */
export function hasTables(database: Database.Database): boolean {
  return versionOf(database) > 0;
}

function versionOf(database: Database.Database): number {
  const [row] = database.pragma('user_version') as { user_version: number }[];
  return row?.user_version ?? 0;
}
