// Reads, writes and rearranges MOTChallenge text for the accuracy benchmark: frame,id,left,top,width,height,conf,x,y,z; frames count from 1.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface MotRow {
  frame: number;
  id: number;
  left: number;
  top: number;
  width: number;
  height: number;
  confidence: number;
}

const columns = 7;

export function readMot(path: string): MotRow[] {
  const rows: MotRow[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line.trim() === '') continue;
    const numbers = line.split(',').slice(0, columns).map(Number);
    if (numbers.length < columns || numbers.some(Number.isNaN))
      throw new Error(`${path}: not a MOT line: ${line}`);
    const [frame, id, left, top, width, height, confidence] = numbers as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    rows.push({ frame, id, left, top, width, height, confidence });
  }
  return rows;
}

export function writeMot(path: string, rows: readonly MotRow[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const lines = rows.map(({ frame, id, left, top, width, height, confidence }) => {
    const box = [left, top, width, height].map((pixels) => pixels.toFixed(2)).join(',');
    return `${frame},${id},${box},${confidence.toFixed(3)},-1,-1,-1\n`;
  });
  writeFileSync(path, lines.join(''));
}

/** Keeps every `stride`-th frame from the first on, and renumbers them 1, 2, 3... as if the camera had run that slowly. */
export function subsample(rows: readonly MotRow[], stride: number): MotRow[] {
  return rows
    .filter((row) => (row.frame - 1) % stride === 0)
    .map((row) => ({ ...row, frame: (row.frame - 1) / stride + 1 }));
}

/** Gives someone who was away for more than `maxAbsentFrames` a new id on return, as PETS09-S2L1 does for its whole picture. */
export function separateVisits(rows: readonly MotRow[], maxAbsentFrames: number): MotRow[] {
  const visits = new Map<number, { id: number; lastFrame: number }>();
  let lastId = Math.max(0, ...rows.map((row) => row.id));
  return [...rows]
    .sort((a, b) => a.frame - b.frame)
    .map((row) => {
      const visit = visits.get(row.id);
      const isReturn = visit !== undefined && row.frame - visit.lastFrame > maxAbsentFrames + 1;
      const id = isReturn ? ++lastId : (visit?.id ?? row.id);
      visits.set(row.id, { id, lastFrame: row.frame });
      return { ...row, id };
    });
}

/** Lays cameras of one clock behind one another, so that an id counts as right only when it is the same in all of them. */
export function joinCameras(cameras: readonly (readonly MotRow[])[], frameCount: number): MotRow[] {
  return cameras.flatMap((rows, k) => rows.map((row) => ({ ...row, frame: row.frame + k * frameCount })));
}
