// Every access to the embedded store's tables, prepared once. Called by store.ts.
import type Database from 'libsql';

export type Statements = ReturnType<typeof statements>;

/** @param database of the newest version, see schema.ts */
export function statements(database: Database.Database) {
  const oldTracks = 'SELECT camera, track FROM tracks WHERE last_seen < ? ORDER BY last_seen LIMIT 2000';
  return {
    revision: database.prepare('SELECT revision FROM tracks WHERE camera = ? AND track = ?'),
    putWaiting: database.prepare('INSERT OR REPLACE INTO inbox VALUES (?, ?, ?, ?, ?)'),
    dropWaiting: database.prepare('DELETE FROM inbox WHERE camera = ? AND position = ?'),
    waiting: database.prepare('SELECT waiting AS blob FROM inbox ORDER BY camera, position'),
    putTrack: database.prepare(
      `INSERT INTO tracks (camera, track, model, revision, first_seen, last_seen, observations, ended)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (camera, track) DO UPDATE SET revision = excluded.revision,
       last_seen = excluded.last_seen, observations = excluded.observations, ended = excluded.ended`,
    ),
    putPath: database.prepare('INSERT OR IGNORE INTO paths VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    pathsSince: database.prepare('SELECT * FROM paths WHERE last_seen >= ? ORDER BY rowid'),
    putContact: database.prepare('INSERT OR REPLACE INTO contacts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    contactsSince: database.prepare('SELECT * FROM contacts WHERE last_seen >= ? ORDER BY first_seen'),
    identityOf: database.prepare('SELECT identity FROM tracks WHERE camera = ? AND track = ?'),
    putPrototype: database.prepare('INSERT OR REPLACE INTO prototypes VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    assign: database.prepare(
      'UPDATE tracks SET identity = ?, score = ?, margin = ?, reason = ? WHERE camera = ? AND track = ?',
    ),
    rename: database.prepare('UPDATE tracks SET identity = ? WHERE identity = ?'),
    putTrace: database.prepare('INSERT OR REPLACE INTO traces VALUES (?, ?)'),
    dropTrace: database.prepare('DELETE FROM traces WHERE key = ?'),
    traces: database.prepare('SELECT trace AS blob FROM traces'),
    putEvent: database.prepare('INSERT INTO events (source, cause, time, changes) VALUES (?, ?, ?, ?)'),
    announced: database.prepare(
      'SELECT changes FROM events WHERE source = ? AND cause = ? ORDER BY sequence',
    ),
    putReceived: database.prepare('INSERT OR IGNORE INTO received (source, id) VALUES (?, ?)'),
    received: database.prepare('SELECT 1 FROM received WHERE source = ? AND id = ?'),
    trimReceived: database.prepare(
      'DELETE FROM received WHERE sequence <= (SELECT max(sequence) FROM received) - ?',
    ),
    recentEvents: database.prepare(
      'SELECT source, cause AS id, changes FROM (SELECT * FROM events ORDER BY sequence DESC LIMIT ?) ORDER BY sequence',
    ),
    endTrack: database.prepare('UPDATE tracks SET ended = 1 WHERE camera = ? AND track = ? AND ended = 0'),
    putCamera: database.prepare('INSERT OR REPLACE INTO cameras VALUES (?, ?, ?, ?)'),
    cameras: database.prepare('SELECT camera, turn, position, ended FROM cameras'),
    count: database.prepare(
      `INSERT INTO meta VALUES (?, '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1`,
    ),
    counts: database.prepare(`SELECT key, value FROM meta WHERE key IN ('merged', 'split')`),
    totals: database.prepare(
      `SELECT count(*) AS tracks, count(DISTINCT identity) AS identities, min(first_seen) AS firstSeen,
       max(last_seen) AS lastSeen FROM tracks`,
    ),
    expirePrototypes: database.prepare(`DELETE FROM prototypes WHERE (camera, track) IN (${oldTracks})`),
    expireTracks: database.prepare(`DELETE FROM tracks WHERE (camera, track) IN (${oldTracks})`),
    putSighting: database.prepare('INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?, ?, ?, ?)'),
    sightings: database.prepare('SELECT target, camera, track FROM sightings ORDER BY time DESC LIMIT 10000'),
    putUnknown: database.prepare(`INSERT OR IGNORE INTO meta VALUES ('unknown', '1')`),
    putLearned: database.prepare(`INSERT OR REPLACE INTO meta VALUES ('learned', ?)`),
    learned: database.prepare(`SELECT value FROM meta WHERE key = 'learned'`),
    unknown: database.prepare(`SELECT value FROM meta WHERE key = 'unknown'`),
    targetIdentities: database.prepare(
      `SELECT DISTINCT identity FROM sightings JOIN tracks USING (camera, track) WHERE identity IS NOT NULL`,
    ),
    picture: database.prepare('SELECT vector AS blob FROM pictures WHERE picture = ? AND model = ?'),
    putPicture: database.prepare('INSERT OR REPLACE INTO pictures VALUES (?, ?, ?)'),
    expireSightings: database.prepare(
      'DELETE FROM sightings WHERE rowid IN (SELECT rowid FROM sightings WHERE time < ? ORDER BY time LIMIT 10000)',
    ),
    expirePaths: database.prepare(
      'DELETE FROM paths WHERE rowid IN (SELECT rowid FROM paths WHERE last_seen < ? ORDER BY last_seen LIMIT 10000)',
    ),
    expireContacts: database.prepare(
      'DELETE FROM contacts WHERE rowid IN (SELECT rowid FROM contacts WHERE last_seen < ? ORDER BY last_seen LIMIT 10000)',
    ),
    expireEvents: database.prepare('DELETE FROM events WHERE time < ?'),
  };
}
