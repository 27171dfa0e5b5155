import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import {
  joinCameras,
  readMot,
  separateVisits,
  subsample,
  writeMot,
  type MotRow,
} from '../../../bench/accuracy/motFiles.ts';

const folder = mkdtempSync(join(tmpdir(), 'mot-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const row = (frame: number, id: number): MotRow => ({
  frame,
  id,
  left: 1,
  top: 2,
  width: 3,
  height: 4,
  confidence: 0.5,
});

test('what is written is read again', () => {
  const path = join(folder, 'new', 'result.txt');
  writeMot(path, [row(1, 2), row(2, 2)]);
  expect(readMot(path)).toEqual([row(1, 2), row(2, 2)]);
});

test('a line that is not MOT names the file and the line', () => {
  const path = join(folder, 'broken.txt');
  writeFileSync(path, '1,2,3\n');
  expect(() => readMot(path)).toThrow(/broken\.txt: not a MOT line: 1,2,3/);
});

test('every third frame, counted anew', () => {
  expect(
    subsample(
      [1, 2, 3, 4, 7].map((frame) => row(frame, 1)),
      3,
    ),
  ).toEqual([row(1, 1), row(2, 1), row(3, 1)]);
});

test('a return after a long absence is a new visit, a short absence is not', () => {
  const ids = separateVisits(
    [1, 2, 5, 20, 21].map((frame) => row(frame, 4)),
    5,
  ).map(({ id }) => id);
  expect(ids).toEqual([4, 4, 4, 5, 5]);
});

test('cameras follow one another in frames and share ids', () => {
  expect(joinCameras([[row(1, 9)], [row(1, 9)]], 100)).toEqual([row(1, 9), row(101, 9)]);
});
