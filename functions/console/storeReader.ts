// Reads the store for the console while match writes it, or after the run; what may be told of it says match/archive.ts, as
// to `mei search`. runSource.ts asks it.
import { traceKey } from '../match/core/trace.ts';
import { createArchive, type ArchiveScope } from '../match/archive.ts';
import { createOverview, type Overview, type People } from '../match/overview.ts';
import type { StoreDatabase, StorePlace } from '../match/database.ts';
import { changeOf, openReader } from '../match/reader.ts';
import { digestOfName } from '../match/erasure.ts';
import { revisionOf, type PathRow } from '../match/rows.ts';
import type { ChangeView, ContactView, IdentitiesView, IdentityView, MotionView } from './types.ts';

/** Of one task; opens its file when it is there. */
export class StoreReader {
  readonly #place: StorePlace;
  readonly #scope: ArchiveScope;
  #database: StoreDatabase | undefined;
  #known: { version: number; view: IdentitiesView } | undefined;

  /** @param place the store's, which may still be empty @param scope what the task lets be told */
  constructor(place: StorePlace, scope: ArchiveScope) {
    this.#place = place;
    this.#scope = scope;
  }

  /** First seen first; remembered until the file changes. */
  identities(): IdentitiesView {
    const database = this.#open();
    if (!database) return { identities: [], truncated: false };
    const version = changeOf(database);
    if (this.#known?.version === version) return this.#known.view;
    const view = viewOf(this.#overview()!.people());
    this.#known = { version, view };
    return view;
  }

  /** What was announced after `sequence`, oldest first. */
  changesAfter(sequence: number, most: number): ChangeView[] {
    return this.#overview()?.announcements(sequence, most) ?? [];
  }

  /** Numbers of the oldest and the newest announcement that are kept; 0 and 0 when there is none. */
  sequences(): { oldest: number; newest: number } {
    return this.#overview()?.sequences() ?? { oldest: 0, newest: 0 };
  }

  contacts(minimumS: number): ContactView[] {
    return this.#overview()?.contacts(minimumS) ?? [];
  }

  /** Width and height of each camera's picture, as far as it is known. */
  sizes(): Map<string, { width: number; height: number }> {
    const rows = this.#overview()?.sizes() ?? [];
    return new Map(rows.map(({ camera, width, height }) => [camera, { width, height }]));
  }

  /** Paths at the pace of tracklets, in the order in which they came. @param after row of the last one that is known */
  paths(after: number): { motion: MotionView[]; last: number } {
    const rows = this.#overview()?.paths(after) ?? [];
    return { motion: rows.map(motionOf), last: rows.at(-1)?.row ?? after };
  }

  /** For how long people were visible, everybody counted, and from when to when. */
  seen(): { from: number; to: number; visibleS: number } | undefined {
    return this.#overview()?.seen();
  }

  /** Whether the track was of somebody who was erased. */
  isForgotten(camera: string, track: string): boolean {
    const database = this.#open();
    const salt = database?.prepare(`SELECT value FROM meta WHERE key = 'salt'`).get() as
      { value: string } | undefined;
    if (!database || !salt) return false;
    const key = digestOfName(salt.value, traceKey(camera, track));
    return database.prepare('SELECT 1 FROM forgotten WHERE key = ?').get(key) !== undefined;
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  #overview(): Overview | undefined {
    const database = this.#open();
    return database && createOverview(createArchive(database, this.#scope));
  }

  /** While match makes the tables there is nothing to read yet. */
  #open(): StoreDatabase | undefined {
    return (this.#database ??= openReader(this.#place));
  }
}

function viewOf({ tracks: rows, targets, truncated }: People): IdentitiesView {
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
  return { identities: [...found.values()], truncated };
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
