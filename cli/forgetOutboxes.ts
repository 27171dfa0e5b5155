// Takes tracks out of events that still wait in the outboxes of a run, also out of those that were refused. forget.ts calls it.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { eventTypes, type StageEvent, type TrackletsData } from '../config/events.ts';
import { envelopeOf, type EventRow } from '../delivery/eventRows.ts';
import { outboxFileName } from '../delivery/outboxFile.ts';
import { fromEnvelope, toEnvelope } from '../functions/host/codec.ts';

type Tracks = readonly { camera: string; track: string }[];

/** @param folder with a folder for each worker, or nothing */
export function forgetOutboxes(folder: string, tracks: Tracks): void {
  const workers = existsSync(folder) ? readdirSync(folder) : [];
  for (const worker of workers) {
    const file = join(folder, worker, outboxFileName);
    if (existsSync(file)) forgetIn(file, tracks);
  }
}

function forgetIn(file: string, tracks: Tracks): void {
  const own = new Set(tracks.map(({ camera, track }) => `${camera}/${track}`));
  const database = new Database(file);
  try {
    database.exec('PRAGMA busy_timeout = 5000; PRAGMA secure_delete = ON;');
    for (const [table, key] of [
      ['events', 'seq'],
      ['dead_letters', 'number'],
    ] as const) {
      const drop = database.prepare(`DELETE FROM ${table} WHERE ${key} = ?`);
      const keep = database.prepare(`UPDATE ${table} SET data = ?, bytes = ? WHERE ${key} = ?`);
      const read = database.prepare(`SELECT * FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT 500`);
      for (let after = -1; ;) {
        const rows = read.all(after) as (EventRow & Record<typeof key, number>)[];
        for (const row of rows) {
          const left = without(row, own);
          if (left === 'nothing') drop.run(row[key]);
          else if (left) keep.run(left, Buffer.byteLength(row.attributes) + left.byteLength, row[key]);
        }
        if (rows.length === 0) break;
        after = rows.at(-1)![key];
      }
    }
    // What was delivered before is still in free pages.
    database.exec('VACUUM;');
    database.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    database.close();
  }
}

/** Undefined: nothing of it is of these tracks. */
function without(row: EventRow, own: ReadonlySet<string>): Buffer | 'nothing' | undefined {
  const { attributes } = envelopeOf({ ...row, data: null });
  if (attributes['type'] !== eventTypes.tracklets) return undefined;
  const event = readable(row);
  // What nobody can read may be about whoever is erased, and its receiver refuses it for good anyway.
  if (!event) return [...own].some((name) => name.startsWith(`${row.key}/`)) ? 'nothing' : undefined;
  const { camera, tracklets } = event.data;
  const left = tracklets.filter(({ track }) => !own.has(`${camera}/${track}`));
  if (left.length === tracklets.length) return undefined;
  if (left.length === 0) return 'nothing';
  const { data } = toEnvelope({ ...event, data: { ...event.data, tracklets: left } });
  return data.kind === 'bytes' ? Buffer.concat(data.parts) : undefined;
}

function readable(row: EventRow): StageEvent<TrackletsData> | undefined {
  const data: unknown = row.data;
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  try {
    const envelope = envelopeOf({ ...row, data: bytes as EventRow['data'] });
    return fromEnvelope(envelope) as StageEvent<TrackletsData>;
  } catch {
    return undefined;
  }
}
