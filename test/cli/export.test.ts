// `mei export` on the folder of a real run: all formats tell of the same people.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { toCsv } from '../../cli/exportRows.ts';
import { openVideo } from '../../functions/media/video.ts';

const folder = mkdtempSync(join(tmpdir(), 'mei-export-'));
const run = join(folder, 'run');

function mei(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', 'cli/mei.ts', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { stdout, stderr, status };
}

beforeAll(() => {
  const camera = (id: string) =>
    `{id: ${id}, fps: 2, source: {uri: ${resolve(`samples/${id}.mp4`)}, startTime: "2026-01-01T12:00:00Z"}}`;
  const task = join(folder, 'task.yaml');
  writeFileSync(
    task,
    `apiVersion: sedna.io/v1alpha1\nkind: MultiEdgeInference\nmetadata: {name: two}\nspec:\n  packing: PerNode\n  cameras: [${camera('left')}, ${camera('right')}]\n`,
  );
  const { status, stderr } = mei('run', task, '--out', run, '--no-video', '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}, 200_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const json = <T>(text: string): T[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
const csv = (text: string): string[][] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/));

interface Person {
  number: number;
  identity: string;
  tracks: { camera: string; track: string; from: number; to: number }[];
}

test('jsonl and csv tell of the same people, by the same numbers', () => {
  const people = json<Person>(mei('export', run).stdout);
  const [head, ...rows] = csv(mei('export', run, '--format', 'csv').stdout);
  expect(head).toEqual(['number', 'identity', 'camera', 'track', 'from', 'to', 'seconds', 'score', 'reason']);
  expect(people.length).toBeGreaterThan(4);
  expect(people.map(({ number }) => number)).toEqual(people.map((_, index) => index + 1));
  expect(rows.map(([number, , camera, track]) => `${number} ${camera} ${track}`)).toEqual(
    people.flatMap(({ number, tracks }) => tracks.map(({ camera, track }) => `${number} ${camera} ${track}`)),
  );
  for (const row of rows) {
    expect(row[4]).toMatch(/^2026-01-01T12:0\d:\d\d/);
    expect(Number(row[6])).toBeCloseTo((Date.parse(row[5]!) - Date.parse(row[4]!)) / 1000, 2);
  }
});

test('mot has each box of each person, and boxes has those without an identity too', () => {
  const out = join(folder, 'mot');
  const { stdout } = mei('export', run, '--format', 'mot', '--out', out, '--json');
  expect(readdirSync(out).sort()).toEqual(['left.txt', 'right.txt']);
  const written = json<{ camera: string; boxes: number }>(stdout);
  const boxes = json<{ camera: string; frame: number; number: number | null; left: number }>(
    mei('export', run, '--boxes').stdout,
  );
  for (const { camera, boxes: count } of written) {
    const lines = csv(readFileSync(join(out, `${camera}.txt`), 'utf8'));
    const named = boxes.filter((box) => box.camera === camera && box.number !== null);
    expect(lines).toHaveLength(count);
    expect(lines.map(([frame, number, left]) => [frame, number, left].map(Number))).toEqual(
      named.map(({ frame, number, left }) => [frame, number!, left]),
    );
    expect(lines[0]!.slice(7)).toEqual(['-1', '-1', '-1']);
    expect(readFileSync(join(run, 'cameras', camera, 'mot.txt'), 'utf8')).toBe(
      readFileSync(join(out, `${camera}.txt`), 'utf8'),
    );
  }
});

test('video writes one for each camera, with every analysed frame', async () => {
  const out = join(folder, 'videos');
  const { status, stdout } = mei('export', run, '--format', 'video', '--out', out);
  expect(status).toBe(0);
  expect(stdout.trim().split('\n')).toEqual([join(out, 'left.mp4'), join(out, 'right.mp4')]);
  const video = await openVideo(join(out, 'left.mp4'));
  let frames = 0;
  for await (const _ of video) frames++;
  const analysed = json<{ camera: string; frame: number }>(mei('export', run, '--boxes').stdout);
  expect(frames).toBeGreaterThanOrEqual(
    new Set(analysed.filter(({ camera }) => camera === 'left').map(({ frame }) => frame)).size,
  );
}, 100_000);

test('a reader that leaves early ends it without a word; what cannot be written is said, and leaves nothing', () => {
  const piped = `${process.execPath} --import tsx cli/mei.ts export ${run} --boxes --format csv | head -1`;
  const { stdout, stderr } = spawnSync('bash', ['-c', piped], { encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({
    stdout: 'camera,frame,number,track,left,top,width,height,score\n',
    stderr: '',
  });
  const missing = mei('export', run, '--format', 'csv', '--out', join(folder, 'no', 'such.csv'));
  expect(missing).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/cannot be written: ENOENT/),
  });
  expect(mei('export', run, '--format', 'mot').stderr).toMatch(/name their folder with --out/);
});

test('cells of CSV that hold commas, quotes or line ends are quoted', async () => {
  async function* rows() {
    yield { a: 'x, "y"\nz', b: null };
  }
  const lines = [];
  for await (const line of toCsv(rows(), ['a', 'b'])) lines.push(line);
  expect(lines).toEqual(['a,b\n', '"x, ""y""\nz",\n']);
});
