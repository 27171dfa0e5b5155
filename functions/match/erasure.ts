// Erases one person from the store: every row that says anything of them, and their vectors wherever these are. store.ts
// calls it within a transaction, and empties the log and the free pages afterwards.
import { createHash, randomBytes } from 'node:crypto';
import { decode, encode } from 'cbor-x';
import type { StoreDatabase } from './database.ts';
import type { ErasedChange, IdentityChange } from '../../config/events.ts';
import type { Erased } from '../../config/queries/answers.ts';
import { aboutPerson, stranger, withoutNames } from '../erasedPerson.ts';
import { NotFoundError } from '../function.ts';
import type { Waiting } from './core/arrival.ts';
import { traceKey, type Trace } from './core/trace.ts';

interface Name {
  camera: string;
  track: string;
}

/**
 * What stays are digests of the tracks and pictures, made with a secret number of the store, so that what comes late of them is
 * known and dropped; they expire like results.
 * @param time of the store's clock, seconds @throws NotFoundError
 */
export function erase(database: StoreDatabase, identity: string, time: number): Erased {
  const all = <Row>(sql: string, ...values: unknown[]) => database.prepare(sql).all(...values) as Row[];
  const names = namesOf(all, identity);
  const traces = tracesOf(database, names);
  const tracks = new Map<string, Name>(
    traces.map(({ camera, track }) => [traceKey(camera, track), { camera, track }]),
  );
  for (const name of names)
    for (const { camera, track } of all<Name>('SELECT camera, track FROM tracks WHERE identity = ?', name))
      tracks.set(traceKey(camera, track), { camera, track });
  if (tracks.size === 0)
    throw new NotFoundError(`nobody is called ${identity.slice(0, 50)} here, or no longer`);
  const own = [...tracks.values()];
  const targets = targetsOf(all, own);
  const vectors = eraseTracks(database, own, tracks);
  for (const { key } of traces) database.prepare('DELETE FROM traces WHERE key = ?').run(key);
  for (const key of tracks.keys()) database.prepare('DELETE FROM traces WHERE key = ?').run(key);
  for (const name of names)
    database.prepare('DELETE FROM names WHERE former = ? OR identity = ?').run(name, name);
  eraseAnnouncements(database, names, own);
  const pictures = erasePictures(database, targets, time);
  const remember = database.prepare(
    'INSERT INTO forgotten (key, time) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET time = excluded.time',
  );
  for (const { camera, track } of own) remember.run(forgottenKey(database, traceKey(camera, track)), time);
  const change: ErasedChange = {
    kind: 'erased',
    identity: names[0]!,
    names: names.slice(1),
    tracks: own,
    time,
  };
  database.prepare('INSERT INTO erasures (erased) VALUES (?)').run(JSON.stringify(change));
  return { identity: names[0]!, names: names.slice(1), tracks: own.length, vectors, pictures, targets };
}

/** Digest under which an erased track or picture is known. */
export function forgottenKey(database: StoreDatabase, name: string): string {
  const read = database.prepare(`SELECT value FROM meta WHERE key = 'salt'`);
  let row = read.get() as { value: string } | undefined;
  if (!row) {
    const value = randomBytes(16).toString('hex');
    database.prepare(`INSERT INTO meta (key, value) VALUES ('salt', ?)`).run(value);
    row = { value };
  }
  return digestOfName(row.value, name);
}

export function digestOfName(salt: string, name: string): string {
  return createHash('sha256').update(`${salt}\n${name}`).digest('hex');
}

/** Those of the person; others forget that they were about to be taken for this person. */
function tracesOf(database: StoreDatabase, names: readonly string[]): (Name & { key: string })[] {
  const rows = database.prepare('SELECT key, trace FROM traces').all() as {
    key: string;
    trace: Uint8Array;
  }[];
  const keep = database.prepare('UPDATE traces SET trace = ? WHERE key = ?');
  return rows.flatMap(({ key, trace: blob }) => {
    const trace = decode(new Uint8Array(blob)) as Trace;
    const { camera, track, identity, votedFor } = trace;
    if (identity !== undefined && names.includes(identity)) return [{ key, camera, track }];
    if (votedFor !== undefined && names.includes(votedFor))
      keep.run(encode({ ...trace, votes: 0, votedFor: undefined }), key);
    return [];
  });
}

type All = <Row>(sql: string, ...values: unknown[]) => Row[];

/** The name that counts now, then those that the person had before. */
function namesOf(all: All, identity: string): string[] {
  const isThere = all('SELECT 1 FROM tracks WHERE identity = ? LIMIT 1', identity).length > 0;
  const [renamed] = isThere
    ? []
    : all<{ identity: string }>('SELECT identity FROM names WHERE former = ?', identity);
  const now = renamed?.identity ?? identity;
  const former = all<{ former: string }>('SELECT former FROM names WHERE identity = ? ORDER BY former', now);
  // A name that somebody else bears by now is not this person's any more.
  const isFree = ({ former: name }: { former: string }) =>
    all('SELECT 1 FROM tracks WHERE identity = ? LIMIT 1', name).length === 0;
  return [now, ...former.filter(isFree).map(({ former: name }) => name)];
}

function targetsOf(all: All, tracks: readonly Name[]): string[] {
  const found = tracks.flatMap(({ camera, track }) =>
    all<{ target: string }>('SELECT target FROM sightings WHERE camera = ? AND track = ?', camera, track),
  );
  return [...new Set(found.map(({ target }) => target))].sort();
}

/** @returns how many vectors there were */
function eraseTracks(database: StoreDatabase, own: readonly Name[], keys: ReadonlyMap<string, Name>): number {
  const statements = ['paths', 'sightings', 'tracks'].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE camera = ? AND track = ?`),
  );
  const prototypes = database.prepare('DELETE FROM prototypes WHERE camera = ? AND track = ?');
  const contacts = database.prepare(
    'DELETE FROM contacts WHERE (camera = ? AND track = ?) OR (other_camera = ? AND other_track = ?)',
  );
  let vectors = 0;
  for (const { camera, track } of own) {
    vectors += prototypes.run(camera, track).changes;
    contacts.run(camera, track, camera, track);
    for (const statement of statements) statement.run(camera, track);
  }
  const inbox = database.prepare('SELECT camera, position, track, waiting FROM inbox').all() as (Name & {
    position: number;
    waiting: Uint8Array;
  })[];
  const drop = database.prepare('DELETE FROM inbox WHERE camera = ? AND position = ?');
  for (const { camera, track, position, waiting } of inbox) {
    if (!keys.has(traceKey(camera, track))) continue;
    vectors += (decode(new Uint8Array(waiting)) as Waiting).revision.tracklet.prototypes.length;
    drop.run(camera, position);
  }
  return vectors;
}

/** Changes about the person are taken out of announcements; what is left of these stays. */
function eraseAnnouncements(
  database: StoreDatabase,
  names: readonly string[],
  tracks: readonly Name[],
): void {
  const isAbout = aboutPerson(names, tracks);
  const read = database.prepare(
    'SELECT sequence, changes FROM events WHERE sequence > ? ORDER BY sequence LIMIT 2000',
  );
  const drop = database.prepare('DELETE FROM events WHERE sequence = ?');
  const keep = database.prepare('UPDATE events SET changes = ? WHERE sequence = ?');
  // A part at a time: years of announcements need no more memory than a day.
  for (let after = -1; ;) {
    const rows = read.all(after) as { sequence: number; changes: string }[];
    for (const { sequence, changes } of rows) {
      const left = (JSON.parse(changes) as IdentityChange[]).filter((change) => !isAbout(change));
      const text = withoutNames(JSON.stringify(left), names);
      if (left.length === 0) drop.run(sequence);
      else if (text !== changes) keep.run(text, sequence);
    }
    if (rows.length === 0) break;
    after = rows.at(-1)!.sequence;
  }
  for (const name of names)
    for (const table of ['tracks', 'sightings'])
      database
        .prepare(`UPDATE ${table} SET reason = replace(reason, ?, ?) WHERE reason <> replace(reason, ?, '')`)
        .run(name, stranger, name);
}

/** The vectors of query pictures of the person, and the pictures that only the store has. @returns how many */
function erasePictures(database: StoreDatabase, targets: readonly string[], time: number): number {
  let count = 0;
  for (const target of targets) {
    const rows = database.prepare('SELECT picture FROM target_pictures WHERE target = ?').all(target) as {
      picture: string;
    }[];
    for (const { picture } of rows) {
      count += database.prepare('DELETE FROM pictures WHERE picture = ?').run(picture).changes;
      database
        .prepare(
          'INSERT INTO forgotten (key, time) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET time = excluded.time',
        )
        .run(forgottenKey(database, picture), time);
    }
    database.prepare('DELETE FROM target_pictures WHERE target = ?').run(target);
  }
  return count;
}
