// Reads the embedded store for the console while match writes it, or after the run. runSource.ts asks it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { storeFileName } from '../match/store.ts';
import { revisionOf, type PathRow } from '../match/rows.ts';
import type { IdentityChange } from '../../config/events.ts';
import type { ChangeView, IdentitiesView, IdentityView, MotionView, TrackView } from './types.ts';

/** The newest tracks that are looked at. */
const mostTracks = 50_000;
const mostPaths = 20_000;

interface TrackRow extends TrackView {
  identity: string;
}

/** Of one task; opens its file when it is there. */
export class StoreReader {
  readonly #file: string;
  #database: Database.Database | undefined;
  #known: { version: number; view: IdentitiesView } | undefined;

  /** @param folder the store's, which may still be empty */
  constructor(folder: string) {
    this.#file = join(folder, storeFileName);
  }

  /** First seen first; remembered until the file changes. */
  identities(): IdentitiesView {
    const database = this.#open();
    if (!database) return { identities: [], truncated: false };
    const version = versionOf(database);
    if (this.#known?.version === version) return this.#known.view;
    const rows = database
      .prepare(
        `SELECT identity, camera, track, first_seen AS "from", last_seen AS "to", observations, score, margin, reason
         FROM tracks WHERE identity IS NOT NULL ORDER BY last_seen DESC LIMIT ?`,
      )
      .all(mostTracks) as TrackRow[];
    const targets = database
      .prepare('SELECT DISTINCT identity, target FROM sightings JOIN tracks USING (camera, track)')
      .all() as { identity: string | null; target: string }[];
    const view = { identities: group(rows, targets), truncated: rows.length === mostTracks };
    this.#known = { version, view };
    return view;
  }

  /** What was announced after `sequence`, oldest first. */
  changesAfter(sequence: number, most: number): ChangeView[] {
    const rows = (this.#open()
      ?.prepare('SELECT sequence, changes FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?')
      .all(sequence, most) ?? []) as { sequence: number; changes: string }[];
    return rows.map((row) => ({
      sequence: row.sequence,
      changes: JSON.parse(row.changes) as IdentityChange[],
    }));
  }

  /** Numbers of the oldest and the newest announcement that are kept; 0 and 0 when there is none. */
  sequences(): { oldest: number; newest: number } {
    const row = this.#open()
      ?.prepare('SELECT min(sequence) AS oldest, max(sequence) AS newest FROM events')
      .get() as { oldest: number | null; newest: number | null } | undefined;
    return { oldest: row?.oldest ?? 0, newest: row?.newest ?? 0 };
  }

  /** Width and height of each camera's picture, as far as it is known. */
  sizes(): Map<string, { width: number; height: number }> {
    const rows = (this.#open()?.prepare('SELECT camera, width, height FROM paths GROUP BY camera').all() ??
      []) as { camera: string; width: number; height: number }[];
    return new Map(rows.map(({ camera, width, height }) => [camera, { width, height }]));
  }

  /** Paths at the pace of tracklets, in the order in which they came. @param after row of the last one that is known */
  paths(after: number): { motion: MotionView[]; last: number } {
    const rows = (this.#open()
      ?.prepare(
        `SELECT * FROM (SELECT rowid AS "row", * FROM paths WHERE rowid > ? ORDER BY rowid DESC LIMIT ?) ORDER BY "row"`,
      )
      .all(after, mostPaths) ?? []) as (PathRow & { row: number })[];
    return { motion: rows.map(motionOf), last: rows.at(-1)?.row ?? after };
  }

  /** Media time of the first and of the last moment that anybody was seen. */
  bounds(): { from: number; to: number } | undefined {
    const row = this.#open()
      ?.prepare('SELECT min(first_seen) AS "from", max(last_seen) AS "to" FROM tracks')
      .get() as { from: number | null; to: number | null } | undefined;
    return row && row.from !== null && row.to !== null ? { from: row.from, to: row.to } : undefined;
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  #open(): Database.Database | undefined {
    if (!this.#database && existsSync(this.#file)) {
      const database = new Database(this.#file, { readonly: true });
      // While match makes the tables there is nothing to read yet.
      if (hasTables(database)) this.#database = database;
      else database.close();
    }
    return this.#database;
  }
}

function hasTables(database: Database.Database): boolean {
  try {
    return database.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'sightings'`).get() !== undefined;
  } catch {
    return false;
  }
}

/** Changes with each commit of another connection. */
function versionOf(database: Database.Database): number {
  const [row] = database.pragma('data_version') as { data_version: number }[];
  return row?.data_version ?? 0;
}

function group(rows: TrackRow[], targets: { identity: string | null; target: string }[]): IdentityView[] {
  rows.sort((a, b) => a.from - b.from || compare(a.camera, b.camera) || compare(a.track, b.track));
  const names = new Map(targets.map(({ identity, target }) => [identity, target]));
  const found = new Map<string, IdentityView>();
  for (const { identity, ...track } of rows) {
    let view = found.get(identity);
    if (!view) {
      const target = names.get(identity);
      view = {
        identity,
        number: found.size + 1,
        ...(target !== undefined && { target }),
        firstSeen: track.from,
        lastSeen: track.to,
        tracks: [],
      };
      found.set(identity, view);
    }
    view.tracks.push(track);
    view.lastSeen = Math.max(view.lastSeen, track.to);
  }
  return [...found.values()];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Foot points and sizes become boxes. */
function motionOf(row: PathRow): MotionView {
  const { camera, tracklet } = revisionOf(row);
  const { from, path, track } = tracklet;
  const times: number[] = [];
  const boxes: number[] = [];
  for (let at = 0; at + 5 <= path.length; at += 5) {
    const [after, x, y, width, height] = path.subarray(at, at + 5) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    times.push(round(from + after, 3));
    boxes.push(round(x - width / 2, 4), round(y - height, 4), round(width, 4), round(height, 4));
  }
  return { camera, track, times, boxes };
}

function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
