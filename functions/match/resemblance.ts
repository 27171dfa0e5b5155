// Who of a store looks like a vector: every vector of the time asked for is compared, by several threads with a part each.
// archiveThread.ts asks it.
import { NotFoundError, PermanentError } from '../function.ts';
import type { Found, SearchResult } from '../../config/queries/answers.ts';
import type { Values } from '../../config/queries/questions.ts';
import { isTarget, trackOf, type Archive, type TrackRow } from './archive.ts';
import { quantize, type QuantizedVector } from '../../config/quantize.ts';
import { nearest } from './core/gallery.ts';
import { blockOf } from './gallerySearch.ts';

export interface Likeness {
  /** Vectors of the person who is looked for. */
  vectors: readonly Float32Array[];
  /** Digest of the embedder that made them. */
  model: string;
  /** Similarity from which two are the same person. */
  threshold: number;
  onlyTargets: boolean;
}

/** Less similar ones are not told unless they are asked for: a share of the threshold. */
const usualShare = 0.9;
const blockTracks = 4096;
/** With fewer tracks a thread has no time to pay for itself. */
const leastTracks = 10_000;

/**
 * Tracks that began at or after `start` and before `end`, seconds since the epoch; where one is absent, without that limit. Several
 * threads that each search another part find together what one of them finds in all. What began at one time was stored at one
 * time: so no page of the file is read by two of them.
 */
export interface Part {
  start?: number;
  end?: number;
}

/** The most similar tracks of a part, best first; of equals those first that were seen first. */
export interface PartResult {
  hits: { camera: string; track: string; from: number; score: number }[];
  compared: number;
  model: string;
}

/** At most `most` parts that together are everything, of about as many tracks each. */
export function partsOf({ all, within }: Archive, asked: Values, most: number): Part[] {
  const { where, values } = within(asked);
  const tracks = `FROM tracks ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}`;
  const [{ count } = { count: 0 }] = all<{ count: number }>(`SELECT count(*) AS count ${tracks}`, ...values);
  const parts = Math.max(1, Math.min(most, Math.floor(count / leastTracks)));
  const cuts: number[] = [];
  for (let i = 1; i < parts; i++) {
    const [row] = all<{ first_seen: number }>(
      `SELECT first_seen ${tracks} ORDER BY first_seen, camera, track LIMIT 1 OFFSET ?`,
      ...values,
      Math.floor((i * count) / parts),
    );
    if (row && row.first_seen !== cuts.at(-1)) cuts.push(row.first_seen);
  }
  return [undefined, ...cuts].map((start, i) => ({
    ...(start !== undefined && { start }),
    ...(i < cuts.length && { end: cuts[i]! }),
  }));
}

/** @throws PermanentError when the vectors have another length than those of the store */
export function resemblingIn(part: Part, archive: Archive, likeness: Likeness, asked: Values): PartResult {
  const { model } = likeness;
  const limit = asked['limit'] as number;
  const least = leastOf(likeness, asked);
  const queries = queriesOf(likeness);
  let hits: PartResult['hits'] = [];
  let compared = 0;
  for (const tracks of blocksOf(archive, likeness, asked, part)) {
    const dimensions = tracks[0]!.vectors[0]!.vector.length;
    const other = queries.find(({ vector }) => vector.length !== dimensions);
    if (other)
      throw new PermanentError(
        `the vector has ${other.vector.length} numbers, those of this embedder have ${dimensions}`,
      );
    const found = nearest(blockOf(tracks, dimensions), queries, limit, least).map(
      ({ track: number, score }) => {
        const { camera, track, from } = tracks[number]!;
        return { camera, track, from, score };
      },
    );
    hits = best([...hits, ...found], limit);
    compared += tracks.length;
  }
  return { hits, compared, model };
}

/** Less similar tracks are not told. */
export function leastOf({ threshold }: Likeness, asked: Values): number {
  return typeof asked['least'] === 'number' ? asked['least'] : threshold * usualShare;
}

/** @throws PermanentError for a vector without direction */
export function queriesOf({ vectors }: Likeness): QuantizedVector[] {
  return vectors.map((vector) => quantize(unit(vector)));
}

/** What the parts found as one answer. A track that was erased since is left out. */
export function together(
  archive: Archive,
  parts: readonly PartResult[],
  threshold: number,
  asked: Values,
): SearchResult {
  const hits = best(
    parts.flatMap((part) => part.hits),
    asked['limit'] as number,
  );
  const compared = parts.reduce((sum, part) => sum + part.compared, 0);
  return { items: grouped(archive, hits, threshold), compared, model: parts[0]!.model };
}

function best(hits: PartResult['hits'], most: number): PartResult['hits'] {
  return hits
    .sort(
      (a, b) =>
        b.score - a.score || a.from - b.from || compare(a.camera, b.camera) || compare(a.track, b.track),
    )
    .slice(0, most);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The vectors of a track of the store, and of which embedder they are. @throws NotFoundError */
export function vectorsOf(
  archive: Archive,
  camera: string,
  track: string,
): Pick<Likeness, 'vectors' | 'model'> {
  const rows = archive.database
    .prepare(
      'SELECT model, vector, scale FROM prototypes JOIN tracks USING (camera, track) WHERE camera = ? AND track = ? ORDER BY slot',
    )
    .all(camera, track) as (VectorRow & { model: string })[];
  if (rows.length === 0)
    throw new NotFoundError(`camera ${camera} has no such track with vectors here, or no longer`);
  const vectors = rows.map(({ vector, scale }) =>
    Float32Array.from(signed(vector), (value) => value * scale),
  );
  return { vectors, model: rows[0]!.model };
}

interface VectorRow {
  vector: ArrayBuffer | Uint8Array;
  scale: number;
}

interface Candidate {
  from: number;
  camera: string;
  track: string;
  vectors: QuantizedVector[];
}

/** In the order of first appearance, block by block: to sort a million vectors would need a disk. */
function* blocksOf(
  archive: Archive,
  { model, onlyTargets }: Likeness,
  asked: Values,
  { start, end }: Part,
): Generator<Candidate[]> {
  const { where, values } = archive.within(asked, 'tracks.');
  if (onlyTargets) where.push(isTarget);
  const add = (condition: string, value: number) => void (where.push(condition), values.push(value));
  if (start !== undefined) add('tracks.first_seen >= ?', start);
  if (end !== undefined) add('tracks.first_seen < ?', end);
  const read = archive.database.prepare(
    `SELECT block.first_seen AS "from", block.camera AS camera, block.track AS track, vector, scale FROM
     (SELECT first_seen, camera, track FROM tracks
      WHERE ${['model = ?', ...where, '(first_seen, camera, track) > (?, ?, ?)'].join(' AND ')}
      ORDER BY first_seen, camera, track LIMIT ${blockTracks}) AS block
     LEFT JOIN prototypes ON prototypes.camera = block.camera AND prototypes.track = block.track
     ORDER BY block.first_seen, block.camera, block.track, slot`,
  );
  for (let place: unknown[] = [-Infinity, '', '']; ;) {
    const rows = read.all(model, ...values, ...place) as CandidateRow[];
    const last = rows.at(-1);
    if (!last) return;
    place = [last.from, last.camera, last.track];
    const block = candidatesOf(rows);
    if (block.length > 0) yield block;
  }
}

interface CandidateRow {
  from: number;
  camera: string;
  track: string;
  /** Null: the vectors of the track have expired. */
  vector: VectorRow['vector'] | null;
  scale: number | null;
}

function candidatesOf(rows: readonly CandidateRow[]): Candidate[] {
  const block: Candidate[] = [];
  for (const { from, camera, track, vector, scale } of rows) {
    if (vector === null || scale === null) continue;
    const last = block.at(-1);
    const one = { vector: signed(vector), scale };
    if (last?.camera === camera && last.track === track) last.vectors.push(one);
    else block.push({ from, camera, track, vectors: [one] });
  }
  return block;
}

/** People with their similar tracks, most similar first. */
function grouped({ database }: Archive, hits: PartResult['hits'], threshold: number): Found[] {
  const read = database.prepare(
    `SELECT camera, track, identity, first_seen AS "from", last_seen AS "to", observations, ended, score, margin, reason
     FROM tracks WHERE camera = ? AND track = ?`,
  );
  const found = new Map<string, Found>();
  for (const hit of hits) {
    const { camera, track } = hit;
    const row = read.get(camera, track) as TrackRow | undefined;
    if (!row) continue;
    const similarity = Math.round(Math.min(1, hit.score) * 10_000) / 10_000;
    const key = row.identity ?? `${camera}/${track}`;
    const one = found.get(key) ?? {
      identity: row.identity,
      score: similarity,
      isSame: hit.score >= threshold,
      tracks: [],
    };
    found.set(key, one);
    one.tracks.push({ ...trackOf(row), similarity });
  }
  return [...found.values()];
}

function signed(blob: ArrayBuffer | Uint8Array): Int8Array {
  const bytes = new Uint8Array(blob);
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @throws PermanentError for a vector without direction */
function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  if (!(length > 0) || !Number.isFinite(length)) throw new PermanentError('the vector has no direction');
  return vector.map((value) => value / length);
}
