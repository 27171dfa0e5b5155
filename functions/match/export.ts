// Reads the results of a task from its store: the local runner writes its files from it, benchmarks score it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { PermanentError } from '../function.ts';
import type { Contact } from './core/contacts.ts';
import { contactOf, type ContactRow } from './rows.ts';
import { storeFileName } from './store.ts';

/** One track of an identity, and why it belongs to it. Times in seconds since the epoch. */
export interface IdentityTrack {
  camera: string;
  track: string;
  from: number;
  to: number;
  /** Similarity -1..1 at the decision; null when nothing was comparable. */
  score: number | null;
  reason: string | null;
}

export interface Identity {
  identity: string;
  /** By time. */
  tracks: IdentityTrack[];
  firstSeen: number;
  lastSeen: number;
}

interface Row extends IdentityTrack {
  identity: string;
}

/** All identities of the store in `folder`, first seen first; works while the matcher runs. */
export function readIdentities(folder: string): Identity[] {
  return reading(folder, (database) => {
    const rows = database
      .prepare(
        `SELECT identity, camera, track, first_seen AS "from", last_seen AS "to", score, reason FROM tracks
         WHERE identity IS NOT NULL ORDER BY first_seen, camera, track`,
      )
      .all() as Row[];
    return group(rows);
  });
}

/** A person who was recognised as a target, and in which track. Times in seconds since the epoch. */
export interface TargetSighting {
  target: string;
  identity: string;
  camera: string;
  track: string;
  from: number;
  to: number;
  score: number | null;
  margin: number | null;
  reason: string;
}

/**
 * Where the targets were seen, by target and time. Of two tracks that one camera shows at one time only the more similar
 * one counts: nobody is in two places.
 */
export function readSightings(folder: string): TargetSighting[] {
  const rows = reading(
    folder,
    (database) =>
      database
        .prepare(
          `SELECT target, identity, camera, track, first_seen AS "from", last_seen AS "to", sightings.score,
           sightings.margin, sightings.reason FROM sightings JOIN tracks USING (camera, track)
           WHERE identity IS NOT NULL ORDER BY target, first_seen, camera, track`,
        )
        .all() as TargetSighting[],
  );
  const beats = (one: TargetSighting, other: TargetSighting) =>
    one.target === other.target &&
    one.camera === other.camera &&
    one.from <= other.to &&
    other.from <= one.to &&
    (one.score ?? 0) > (other.score ?? 0);
  return rows.filter((row) => !rows.some((other) => beats(other, row)));
}

/** Two people and every time that they were close, by time. */
export interface ContactsOfPair {
  identities: [string, string];
  /** Seconds in contact, in all. */
  exposureS: number;
  times: ContactTime[];
}

/** Times in seconds since the epoch, distances in metres; null where nothing was measured. */
export interface ContactTime {
  from: number;
  to: number;
  exposureS: number;
  distanceM: number | null;
  deviationM: number | null;
}

/**
 * Who was close to whom, longest exposure first, by the identities as they are known now. Cameras that saw the same moment
 * count it once. @param minimumS shorter contacts are left out
 */
export function readContacts(folder: string, minimumS: number): ContactsOfPair[] {
  const rows = reading(
    folder,
    (database) =>
      database
        .prepare(
          `SELECT contacts.*, first.identity AS a, second.identity AS b FROM contacts
           JOIN tracks AS first ON first.camera = contacts.camera AND first.track = contacts.track
           JOIN tracks AS second ON second.camera = other_camera AND second.track = other_track
           WHERE a IS NOT NULL AND b IS NOT NULL AND a <> b ORDER BY contacts.first_seen`,
        )
        .all() as (ContactRow & { a: string; b: string })[],
  );
  const pairs = new Map<string, ContactsOfPair>();
  for (const row of rows) {
    const identities = [row.a, row.b].sort() as [string, string];
    const pair = pairs.get(identities.join(' ')) ?? { identities, exposureS: 0, times: [] };
    pairs.set(identities.join(' '), pair);
    addTime(pair.times, contactOf(row));
  }
  for (const pair of pairs.values()) {
    pair.times = pair.times.filter(({ exposureS }) => exposureS >= minimumS);
    pair.exposureS = pair.times.reduce((sum, { exposureS }) => sum + exposureS, 0);
  }
  return [...pairs.values()]
    .filter(({ times }) => times.length > 0)
    .sort((x, y) => y.exposureS - x.exposureS);
}

/** Times that overlap are one, seen by several cameras. */
function addTime(times: ContactTime[], { from, to, exposureS, distanceM, deviationM }: Contact): void {
  const last = times[times.length - 1];
  if (!last || from > last.to) {
    times.push({ from, to, exposureS, distanceM, deviationM });
    return;
  }
  last.to = Math.max(last.to, to);
  last.exposureS = Math.max(last.exposureS, exposureS);
  if (distanceM !== null && (last.distanceM === null || distanceM < last.distanceM))
    Object.assign(last, { distanceM, deviationM });
}

function reading<T>(folder: string, read: (database: Database.Database) => T): T {
  const file = join(folder, storeFileName);
  if (!existsSync(file)) throw new PermanentError(`no results in ${folder}: ${storeFileName} is not there`);
  const database = new Database(file, { readonly: true });
  try {
    return read(database);
  } finally {
    database.close();
  }
}

function group(rows: readonly Row[]): Identity[] {
  const identities = new Map<string, Identity>();
  for (const { identity, camera, track, from, to, score, reason } of rows) {
    let found = identities.get(identity);
    if (!found) identities.set(identity, (found = { identity, tracks: [], firstSeen: from, lastSeen: to }));
    found.tracks.push({ camera, track, from, to, score, reason });
    found.lastSeen = Math.max(found.lastSeen, to);
  }
  return [...identities.values()];
}
