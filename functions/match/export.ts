// Reads the results of a task from its store: the local runner writes its files from it, benchmarks score it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { PermanentError } from '../function.ts';
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
  const file = join(folder, storeFileName);
  if (!existsSync(file)) throw new PermanentError(`no results in ${folder}: ${storeFileName} is not there`);
  const database = new Database(file, { readonly: true });
  try {
    const rows = database
      .prepare(
        `SELECT identity, camera, track, first_seen AS "from", last_seen AS "to", score, reason FROM tracks
         WHERE identity IS NOT NULL ORDER BY first_seen, camera, track`,
      )
      .all() as Row[];
    return group(rows);
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
