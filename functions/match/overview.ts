// What the console shows of a store: people with all their tracks, announcements, contacts, paths. It tells no more than archive.ts
// answers to `mei search`, whose scope it shares; functions/console asks it.
import type { IdentityChange } from '../../config/events.ts';
import { isTarget, type Archive } from './archive.ts';
import { pairsOf, type ContactsOfPair } from './contactPairs.ts';
import type { PathRow } from './rows.ts';

/** Track of a person. Times in seconds since the epoch. */
export interface PersonTrack {
  identity: string;
  camera: string;
  track: string;
  from: number;
  to: number;
  observations: number;
  score: number | null;
  margin: number | null;
  reason: string | null;
}

/** The newest tracks, newest first. */
export interface People {
  tracks: PersonTrack[];
  /** Identity and the target that it was recognised as. */
  targets: { identity: string; target: string }[];
  /** There are more, older ones. */
  truncated: boolean;
}

/** One announcement with its place in the order of all of them. */
export interface Announcement {
  sequence: number;
  changes: IdentityChange[];
}

/** Rows of the announcements that are looked at in one go. */
const rowsAtOnce = 1000;
const mostTracks = 50_000;
const mostPaths = 20_000;

export type Overview = ReturnType<typeof createOverview>;

export function createOverview(archive: Archive) {
  const { scope, all, told } = archive;
  const isWhole = !scope.onlyTargets && scope.window.start === undefined && scope.window.end === undefined;

  function isTold(column: 'identity' | 'camera = ? AND track', ...values: unknown[]): boolean {
    const { where, values: given } = told();
    const sql = `SELECT 1 FROM tracks WHERE ${[`${column} = ?`, ...where].join(' AND ')} LIMIT 1`;
    return all(sql, ...values, ...given).length > 0;
  }

  function isToldChange(change: IdentityChange): boolean {
    if (isWhole) return true;
    switch (change.kind) {
      case 'erased':
        return true;
      case 'assigned':
      case 'sighted':
        return isTold('camera = ? AND track', change.camera, change.track);
      case 'merged':
        return isTold('identity', change.identity);
      case 'split':
      case 'contact':
        return change.tracks.some(({ camera, track }) => isTold('camera = ? AND track', camera, track));
    }
  }

  return {
    people(): People {
      const { where, values } = told();
      const tracks = all<PersonTrack>(
        `SELECT identity, camera, track, first_seen AS "from", last_seen AS "to", observations, score, margin, reason
         FROM tracks WHERE ${['identity IS NOT NULL', ...where].join(' AND ')}
         ORDER BY last_seen DESC, camera, track LIMIT ?`,
        ...values,
        mostTracks,
      );
      const targets = all<{ identity: string; target: string }>(
        `SELECT DISTINCT identity, target FROM sightings JOIN tracks USING (camera, track)
         WHERE identity IS NOT NULL ORDER BY identity, target`,
      );
      return { tracks, targets, truncated: tracks.length === mostTracks };
    },
    /** Those after one of them, the oldest first, without changes that are none of the asker's business. */
    announcements(after: number, most: number): Announcement[] {
      const found: Announcement[] = [];
      for (let last = after; ;) {
        const rows = all<{ sequence: number; changes: string }>(
          'SELECT sequence, changes FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?',
          last,
          rowsAtOnce,
        );
        for (const { sequence, changes: text } of rows) {
          const changes = (JSON.parse(text) as IdentityChange[]).filter(isToldChange);
          if (changes.length > 0) found.push({ sequence, changes });
          if (found.length === most) return found;
          last = sequence;
        }
        if (rows.length < rowsAtOnce) return found;
      }
    },
    /** Numbers of the oldest and the newest announcement that are kept; 0 and 0 when there is none. */
    sequences(): { oldest: number; newest: number } {
      const [row] = all<{ oldest: number | null; newest: number | null }>(
        'SELECT min(sequence) AS oldest, max(sequence) AS newest FROM events',
      );
      return { oldest: row?.oldest ?? 0, newest: row?.newest ?? 0 };
    },
    /** How much was seen in all, whoever it was: it tells of nobody. */
    seen(): { from: number; to: number; visibleS: number } | undefined {
      const { where, values } = archive.within({});
      const [row] = all<{ from: number | null; to: number | null; visibleS: number | null }>(
        `SELECT min(first_seen) AS "from", max(last_seen) AS "to", sum(last_seen - first_seen) AS visibleS
         FROM tracks ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}`,
        ...values,
      );
      if (!row || row.from === null || row.to === null) return undefined;
      return { from: row.from, to: row.to, visibleS: row.visibleS ?? 0 };
    },
    /** Who was close to whom, as identities are known now, longest exposure first. */
    contacts(minimumS: number): ContactsOfPair[] {
      return pairsOf(archive.allContacts(), minimumS);
    },
    /** Width and height of each camera's picture, as far as it is known. */
    sizes(): { camera: string; width: number; height: number }[] {
      return all('SELECT camera, max(width) AS width, max(height) AS height FROM paths GROUP BY camera');
    },
    /** Rows of paths after one of them, in the order in which they came. */
    paths(after: number): (PathRow & { row: number })[] {
      const { where, values } = archive.within({}, 'paths.');
      if (scope.onlyTargets)
        where.push(`(camera, track) IN (SELECT camera, track FROM tracks WHERE ${isTarget})`);
      return all(
        `SELECT * FROM (SELECT rowid AS "row", * FROM paths WHERE ${['rowid > ?', ...where].join(' AND ')}
         ORDER BY rowid DESC LIMIT ?) AS newest ORDER BY "row"`,
        after,
        ...values,
        mostPaths,
      );
    },
  };
}
