// Where a track was in the picture, from the parts that came with each revision. archive.ts asks it.
import type { StoreDatabase } from './database.ts';
import type { PathPoint } from '../../config/queries/answers.ts';

interface PathRow {
  first_seen: number;
  points: ArrayBuffer | Uint8Array;
}

/** Floats of a point: seconds after the beginning, foot x and y, width, height. */
const width = 5;

/** By time. */
export function pathsOf(
  database: StoreDatabase,
  { camera, track }: { camera: string; track: string },
): PathPoint[] {
  const rows = database
    .prepare('SELECT first_seen, points FROM paths WHERE camera = ? AND track = ? ORDER BY revision')
    .all(camera, track) as PathRow[];
  return rows.flatMap(({ first_seen: from, points }) => pointsOf(from, points));
}

function pointsOf(from: number, points: PathRow['points']): PathPoint[] {
  // A copy begins at a multiple of four, as floats must.
  const values = new Float32Array(new Uint8Array(points).slice().buffer);
  const found: PathPoint[] = [];
  for (let at = 0; at + width <= values.length; at += width)
    found.push({
      time: rounded(from + values[at]!, 3),
      x: rounded(values[at + 1]!, 4),
      y: rounded(values[at + 2]!, 4),
      width: rounded(values[at + 3]!, 4),
      height: rounded(values[at + 4]!, 4),
    });
  return found;
}

function rounded(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
