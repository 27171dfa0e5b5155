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
    putName: database.prepare('INSERT OR REPLACE INTO names VALUES (?, ?, ?)'),
    renameNames: database.prepare('UPDATE names SET identity = ?, time = ? WHERE identity = ?'),
    dropName: database.prepare('DELETE FROM names WHERE former = ?'),
    forgotten: database.prepare('SELECT 1 FROM forgotten WHERE key = ?'),
    erasures: database.prepare('SELECT sequence, erased FROM erasures ORDER BY sequence LIMIT 16'),
    dropErasure: database.prepare('DELETE FROM erasures WHERE sequence = ?'),
    putTargetPicture: database.prepare('INSERT OR REPLACE INTO target_pictures VALUES (?, ?, ?)'),
    noteTargetPicture: database.prepare('INSERT OR IGNORE INTO target_pictures VALUES (?, ?, NULL)'),
    targetPictures: database.prepare(
      'SELECT target, picture, bytes FROM target_pictures WHERE bytes IS NOT NULL ORDER BY target, picture',
    ),
    targetNames: database.prepare(
      'SELECT target, picture FROM target_pictures WHERE bytes IS NOT NULL ORDER BY target, picture',
    ),
    dropTargetPictures: database.prepare(
      'DELETE FROM target_pictures WHERE target = ? AND bytes IS NOT NULL',
    ),
    notedPictures: database.prepare('SELECT target, picture FROM target_pictures WHERE bytes IS NULL'),
    dropNotedPicture: database.prepare(
      'DELETE FROM target_pictures WHERE target = ? AND picture = ? AND bytes IS NULL',
    ),
    dropUnusedVectors: database.prepare(
      'DELETE FROM pictures WHERE picture NOT IN (SELECT picture FROM target_pictures)',
    ),
    archived: database.prepare(
      `SELECT camera, track, model, identity, first_seen, last_seen FROM tracks
       WHERE identity IS NOT NULL AND (first_seen, camera, track) > (?, ?, ?) AND last_seen >= ? AND first_seen <= ?
       ORDER BY first_seen, camera, track LIMIT ?`,
    ),
    prototypes: database.prepare(
      'SELECT vector, quality, weight, time FROM prototypes WHERE camera = ? AND track = ? ORDER BY slot',
    ),
    putHeard: database.prepare(`INSERT OR REPLACE INTO meta VALUES ('heard', ?)`),
    heard: database.prepare(`SELECT value FROM meta WHERE key = 'heard'`),
    putUncompacted: database.prepare(`INSERT OR REPLACE INTO meta VALUES ('uncompacted', '1')`),
    dropUncompacted: database.prepare(`DELETE FROM meta WHERE key = 'uncompacted'`),
    uncompacted: database.prepare(`SELECT 1 FROM meta WHERE key = 'uncompacted'`),
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
    expireVectors: database.prepare(
      'DELETE FROM prototypes WHERE rowid IN (SELECT rowid FROM prototypes WHERE time < ? ORDER BY time LIMIT 4000)',
    ),
    expirePrototypes: database.prepare(`DELETE FROM prototypes WHERE (camera, track) IN (${oldTracks})`),
    expireTracks: database.prepare(`DELETE FROM tracks WHERE (camera, track) IN (${oldTracks})`),
    expireNames: database.prepare(
      `DELETE FROM names WHERE former IN (SELECT former FROM names WHERE time < ? AND NOT EXISTS
       (SELECT 1 FROM tracks WHERE tracks.identity = names.identity) ORDER BY time LIMIT 2000)`,
    ),
    expireForgotten: database.prepare(
      'DELETE FROM forgotten WHERE key IN (SELECT key FROM forgotten WHERE time < ? ORDER BY time LIMIT 2000)',
    ),
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
      'DELETE FROM sightings WHERE rowid IN (SELECT rowid FROM sightings WHERE time < ? ORDER BY time LIMIT 4000)',
    ),
    expirePaths: database.prepare(
      'DELETE FROM paths WHERE rowid IN (SELECT rowid FROM paths WHERE last_seen < ? ORDER BY last_seen LIMIT 4000)',
    ),
    expireContacts: database.prepare(
      'DELETE FROM contacts WHERE rowid IN (SELECT rowid FROM contacts WHERE last_seen < ? ORDER BY last_seen LIMIT 4000)',
    ),
    expireEvents: database.prepare(
      'DELETE FROM events WHERE sequence IN (SELECT sequence FROM events WHERE time < ? ORDER BY time LIMIT 4000)',
    ),
  };
}
