// The rows of `mei export`, and how they are written as JSON Lines and CSV.
import { once } from 'node:events';
import { join } from 'node:path';
import type { Identity } from '../functions/match/export.ts';
import { readSightings, type IdentityNumbers } from './results.ts';

export type Row = Record<string, unknown>;

export const identityColumns = 'number identity camera track from to seconds score reason'.split(' ');
export const boxColumns = 'camera frame number track left top width height score'.split(' ');

/** One person a row, or with `flat` one track of one person a row. */
export async function* identityRows(identities: readonly Identity[], flat: boolean): AsyncGenerator<Row> {
  for (const [index, { identity, tracks, firstSeen, lastSeen }] of identities.entries()) {
    const number = index + 1;
    if (!flat) {
      yield { number, identity, firstSeen, lastSeen, tracks };
      continue;
    }
    for (const { camera, track, from, to, score, reason } of tracks) {
      const times = { from: clock(from), to: clock(to), seconds: Number((to - from).toFixed(3)) };
      yield { number, identity, camera, track, ...times, score, reason };
    }
  }
}

/** One box of one frame a row, camera after camera. `number` is null where no identity was sure enough. */
export async function* boxRows(
  folder: string,
  cameras: readonly string[],
  numbers: IdentityNumbers,
): AsyncGenerator<Row> {
  for (const camera of cameras)
    for await (const { sequence, track, box, score } of readSightings(join(folder, 'cameras', camera))) {
      const [left, top, width, height] = box;
      const number = numbers.get(camera)?.get(track) ?? null;
      yield { camera, frame: sequence, number, track, left, top, width, height, score };
    }
}

export async function* toJsonLines(rows: AsyncIterable<Row>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`;
}

/** RFC 4180 with a head, lines end with \n as other tools of a terminal expect. */
export async function* toCsv(rows: AsyncIterable<Row>, head: readonly string[]): AsyncGenerator<string> {
  yield `${head.join(',')}\n`;
  for await (const row of rows) yield `${head.map((name) => cell(row[name])).join(',')}\n`;
}

/** To standard output, not faster than it is read. */
export async function print(lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) if (!process.stdout.write(line)) await once(process.stdout, 'drain');
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
