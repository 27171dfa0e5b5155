// Every access to the store's tables, prepared once, in SQL that both engines understand. Called by store.ts.
import type { StoreDatabase } from './database.ts';

export type Statements = ReturnType<typeof statements>;

const oldTracks = 'SELECT camera, track FROM tracks WHERE last_seen < ? ORDER BY last_seen LIMIT 2000';

/** @param database of the newest version, see schema.ts */
export function statements(database: StoreDatabase) {
  /** Of a whole row: a later one with the same key takes its place. */
  function put(table: string, key: string, ...others: string[]) {
    const columns = [...key.split(', '), ...others];
    const news = others.map((name) => `${name} = excluded.${name}`).join(', ');
    return database.prepare(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
       ON CONFLICT (${key}) DO UPDATE SET ${news}`,
    );
  }
  /** The oldest of a table, some thousand at a time. */
  function expire(table: string, key: string, time: string) {
    return database.prepare(
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${time} < ? ORDER BY ${time} LIMIT 4000)`,
    );
  }
  const setMeta = (name: string) =>
    database.prepare(
      `INSERT INTO meta (key, value) VALUES ('${name}', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    );
  const getMeta = (name: string) => database.prepare(`SELECT value FROM meta WHERE key = '${name}'`);
  return {
    revision: database.prepare('SELECT revision FROM tracks WHERE camera = ? AND track = ?'),
    putWaiting: put('inbox', 'camera, position', 'track', 'revision', 'waiting'),
    dropWaiting: database.prepare('DELETE FROM inbox WHERE camera = ? AND position = ?'),
    waiting: database.prepare('SELECT waiting AS blob FROM inbox ORDER BY camera, position'),
    putTrack: database.prepare(
      `INSERT INTO tracks (camera, track, model, revision, first_seen, last_seen, observations, ended)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (camera, track) DO UPDATE SET revision = excluded.revision,
       last_seen = excluded.last_seen, observations = excluded.observations, ended = excluded.ended`,
    ),
    putPath: database.prepare(
      `INSERT INTO paths (camera, track, revision, first_seen, last_seen, width, height, points)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    pathsSince: database.prepare('SELECT * FROM paths WHERE last_seen >= ? ORDER BY rowid'),
    putContact: put(
      'contacts',
      'camera, track, other_camera, other_track, first_seen',
      'last_seen',
      'exposure',
      'distance',
      'deviation',
    ),
    contactsSince: database.prepare('SELECT * FROM contacts WHERE last_seen >= ? ORDER BY first_seen'),
    identityOf: database.prepare('SELECT identity FROM tracks WHERE camera = ? AND track = ?'),
    putPrototype: put('prototypes', 'camera, track, slot', 'vector', 'scale', 'quality', 'weight', 'time'),
    assign: database.prepare(
      'UPDATE tracks SET identity = ?, score = ?, margin = ?, reason = ? WHERE camera = ? AND track = ?',
    ),
    rename: database.prepare('UPDATE tracks SET identity = ? WHERE identity = ?'),
    putName: put('names', 'former', 'identity', 'time'),
    renameNames: database.prepare('UPDATE names SET identity = ?, time = ? WHERE identity = ?'),
    dropName: database.prepare('DELETE FROM names WHERE former = ?'),
    forgotten: database.prepare('SELECT 1 FROM forgotten WHERE key = ?'),
    erasures: database.prepare('SELECT sequence, erased FROM erasures ORDER BY sequence LIMIT 16'),
    dropErasure: database.prepare('DELETE FROM erasures WHERE sequence = ?'),
    putTargetPicture: put('target_pictures', 'target, picture', 'bytes'),
    noteTargetPicture: database.prepare(
      'INSERT INTO target_pictures (target, picture, bytes) VALUES (?, ?, NULL) ON CONFLICT DO NOTHING',
    ),
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
    putHeard: setMeta('heard'),
    heard: getMeta('heard'),
    putUncompacted: setMeta('uncompacted'),
    dropUncompacted: database.prepare(`DELETE FROM meta WHERE key = 'uncompacted'`),
    uncompacted: getMeta('uncompacted'),
    putTrace: put('traces', 'key', 'trace'),
    dropTrace: database.prepare('DELETE FROM traces WHERE key = ?'),
    traces: database.prepare('SELECT trace AS blob FROM traces'),
    putEvent: database.prepare('INSERT INTO events (source, cause, time, changes) VALUES (?, ?, ?, ?)'),
    announced: database.prepare(
      'SELECT changes FROM events WHERE source = ? AND cause = ? ORDER BY sequence',
    ),
    putReceived: database.prepare('INSERT INTO received (source, id) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    received: database.prepare('SELECT 1 FROM received WHERE source = ? AND id = ?'),
    trimReceived: database.prepare(
      'DELETE FROM received WHERE sequence <= (SELECT max(sequence) FROM received) - ?',
    ),
    recentEvents: database.prepare(
      `SELECT source, cause AS id, changes FROM (SELECT * FROM events ORDER BY sequence DESC LIMIT ?) AS newest
       ORDER BY sequence`,
    ),
    endTrack: database.prepare('UPDATE tracks SET ended = 1 WHERE camera = ? AND track = ? AND ended = 0'),
    putCamera: put('cameras', 'camera', 'turn', 'position', 'ended'),
    cameras: database.prepare('SELECT camera, turn, position, ended FROM cameras'),
    count: database.prepare(
      `INSERT INTO meta (key, value) VALUES (?, '1')
       ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(meta.value AS INTEGER) + 1 AS TEXT)`,
    ),
    counts: database.prepare(`SELECT key, value FROM meta WHERE key IN ('merged', 'split')`),
    totals: database.prepare(
      `SELECT count(*) AS tracks, count(DISTINCT identity) AS identities, min(first_seen) AS firstSeen,
       max(last_seen) AS lastSeen FROM tracks`,
    ),
    expireVectors: expire('prototypes', 'camera, track, slot', 'time'),
    expirePrototypes: database.prepare(`DELETE FROM prototypes WHERE (camera, track) IN (${oldTracks})`),
    expireTracks: database.prepare(`DELETE FROM tracks WHERE (camera, track) IN (${oldTracks})`),
    expireNames: database.prepare(
      `DELETE FROM names WHERE former IN (SELECT former FROM names WHERE time < ? AND NOT EXISTS
       (SELECT 1 FROM tracks WHERE tracks.identity = names.identity) ORDER BY time LIMIT 2000)`,
    ),
    expireForgotten: expire('forgotten', 'key', 'time'),
    putSighting: put('sightings', 'target, camera, track', 'score', 'margin', 'reason', 'time'),
    sightings: database.prepare('SELECT target, camera, track FROM sightings ORDER BY time DESC LIMIT 10000'),
    putUnknown: database.prepare(
      `INSERT INTO meta (key, value) VALUES ('unknown', '1') ON CONFLICT DO NOTHING`,
    ),
    putLearned: setMeta('learned'),
    learned: getMeta('learned'),
    unknown: getMeta('unknown'),
    targetIdentities: database.prepare(
      `SELECT DISTINCT identity FROM sightings JOIN tracks USING (camera, track) WHERE identity IS NOT NULL`,
    ),
    picture: database.prepare('SELECT vector AS blob FROM pictures WHERE picture = ? AND model = ?'),
    putPicture: put('pictures', 'picture, model', 'vector'),
    expireSightings: expire('sightings', 'target, camera, track', 'time'),
    expirePaths: expire('paths', 'camera, track, revision', 'last_seen'),
    expireContacts: expire('contacts', 'camera, track, other_camera, other_track, first_seen', 'last_seen'),
    expireEvents: expire('events', 'sequence', 'time'),
  };
}
