// Reads a camera's tracks.csv as it grows, where the pictures are: finer than the paths that go to the cloud. runSource.ts asks it.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { MotionView } from './types.ts';

/** Read at once at most, from the end: minutes of a busy camera. */
const mostBytes = 2 << 20;
/** Boxes of a track that follow closer are left out, seconds. */
const leastStepS = 0.09;

/** Where the next read goes on. */
export interface BoxCursor {
  offset: number;
  /** Rest of a line that was not whole yet. */
  rest: string;
}

export function beginning(): BoxCursor {
  return { offset: 0, rest: '' };
}

/**
 * Boxes that were written since `cursor`, which moves on. A file that became shorter is another one, and is read anew.
 * @param size of the pictures, pixels
 */
export function readBoxes(
  path: string,
  camera: string,
  size: { width: number; height: number },
  cursor: BoxCursor,
): MotionView[] {
  const text = readNew(path, cursor);
  const tracks = new Map<string, MotionView>();
  const lines = (cursor.rest + text).split('\n');
  cursor.rest = lines.pop()!.slice(0, 1024);
  for (const line of lines) {
    const [, time, track, left, top, width, height] = line.split(',');
    const numbers = [time, left, top, width, height].map(Number);
    if (line.startsWith('#') || track === undefined || !numbers.every(Number.isFinite)) continue;
    const [at, x, y, w, h] = numbers as [number, number, number, number, number];
    let view = tracks.get(track);
    if (!view) tracks.set(track, (view = { camera, track, times: [], boxes: [] }));
    if (at - (view.times.at(-1) ?? -Infinity) < leastStepS) continue;
    view.times.push(at);
    view.boxes.push(part(x, size.width), part(y, size.height), part(w, size.width), part(h, size.height));
  }
  return [...tracks.values()];
}

function readNew(path: string, cursor: BoxCursor): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    // The camera has given no picture yet.
    return '';
  }
  try {
    const { size } = fstatSync(file);
    if (size < cursor.offset) Object.assign(cursor, beginning());
    const start = Math.max(cursor.offset, size - mostBytes);
    if (start > cursor.offset) cursor.rest = '';
    const bytes = Buffer.alloc(size - start);
    const length = readSync(file, bytes, 0, bytes.length, start);
    const text = bytes.toString('latin1', 0, length);
    const isCut = start > cursor.offset;
    cursor.offset = start + length;
    return isCut ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    closeSync(file);
  }
}

function part(pixels: number, of: number): number {
  return Math.round((pixels / of) * 1e4) / 1e4;
}
