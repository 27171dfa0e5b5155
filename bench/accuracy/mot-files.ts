// Reads and writes MOTChallenge text for the accuracy benchmark: frame,id,left,top,width,height,conf,x,y,z; frames count from 1.
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

export function readMot(path: string): MotRow[] {
  const rows: MotRow[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line.trim() === '') continue;
    const [frame, id, left, top, width, height, confidence] = line.split(',').map(Number) as [
      number, number, number, number, number, number, number,
    ];
    rows.push({ frame, id, left, top, width, height, confidence });
  }
  return rows;
}

export function writeMot(path: string, rows: readonly MotRow[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const lines = rows.map((row) =>
    [
      row.frame,
      row.id,
      row.left.toFixed(2),
      row.top.toFixed(2),
      row.width.toFixed(2),
      row.height.toFixed(2),
      row.confidence.toFixed(3),
      -1,
      -1,
      -1,
    ].join(','),
  );
  writeFileSync(path, lines.join('\n') + (lines.length > 0 ? '\n' : ''));
}

/** Keeps every `stride`-th frame from the first on, and renumbers them 1, 2, 3... as if the camera had run that slowly. */
export function subsample(rows: readonly MotRow[], stride: number): MotRow[] {
  return rows
    .filter((row) => (row.frame - 1) % stride === 0)
    .map((row) => ({ ...row, frame: (row.frame - 1) / stride + 1 }));
}
