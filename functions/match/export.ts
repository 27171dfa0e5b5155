// Reads the results of a task from its store: the local runner writes its files from it, benchmarks score it.
import { PermanentError } from '../function.ts';
import { createArchive, isBest, type Archive, type ArchiveScope } from './archive.ts';
import { pairsOf, type ContactsOfPair } from './contactPairs.ts';
import { nameOf, storeFileName, type StorePlace } from './database.ts';
import { openReader } from './reader.ts';

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

/** Without a window, and without regard to who is a target. */
const everything: ArchiveScope = { window: {}, onlyTargets: false };

/** All identities of the store, first seen first; works while the matcher runs. */
export function readIdentities(place: StorePlace, scope = everything): Identity[] {
  return reading(place, scope, ({ all, told }) => {
    const { where, values } = told();
    const rows = all<Row>(
      `SELECT identity, camera, track, first_seen AS "from", last_seen AS "to", score, reason FROM tracks
       WHERE ${['identity IS NOT NULL', ...where].join(' AND ')} ORDER BY first_seen, camera, track`,
      ...values,
    );
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
export function readSightings(place: StorePlace, scope = everything): TargetSighting[] {
  return reading(place, scope, ({ all, within }) => {
    const { where, values } = within({}, 'tracks.');
    return all<TargetSighting>(
      `SELECT target, identity, tracks.camera AS camera, tracks.track AS track, first_seen AS "from", last_seen AS "to",
       sightings.score AS score, sightings.margin AS margin, sightings.reason AS reason
       FROM sightings JOIN tracks ON tracks.camera = sightings.camera AND tracks.track = sightings.track
       WHERE ${['identity IS NOT NULL', isBest, ...where].join(' AND ')}
       ORDER BY target, first_seen, tracks.camera, tracks.track`,
      ...values,
    );
  });
}

/** Who was close to whom, longest exposure first, by the identities as they are known now. @param minimumS shorter contacts are left out */
export function readContacts(place: StorePlace, minimumS: number, scope = everything): ContactsOfPair[] {
  return reading(place, scope, (archive) => pairsOf(archive.allContacts(), minimumS));
}

function reading<T>(place: StorePlace, scope: ArchiveScope, read: (archive: Archive) => T): T {
  const database = openReader(place);
  if (!database) throw new PermanentError(`no results in ${nameOf(place)}: ${storeFileName} is not there`);
  try {
    return read(createArchive(database, scope));
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
