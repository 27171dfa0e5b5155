// The command line as a user meets it: real processes, real video, the embedded models.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Status } from '../../config/schema/status.ts';
import type { Identity, TargetSighting } from '../../functions/match/export.ts';
import { encodeJpeg } from '../../functions/media/images.ts';
import { cropResize } from '../../functions/media/resize.ts';
import { openVideo } from '../../functions/media/video.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mei-cli-'));
  for (const name of ['left', 'right']) copyFileSync(`samples/${name}.mp4`, join(folder, `${name}.mp4`));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(
  args: string[],
  env: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--import', 'tsx', 'cli/mei.ts', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`mei ${args.join(' ')} did not end\n${stdout}\n${stderr}`));
    }, 200_000);
    child.once('close', (code) => {
      clearTimeout(deadline);
      resolve({ code, stdout, stderr });
    });
  });
  return { child, ended };
}

const mei = (args: string[], env?: Record<string, string>) => start(args, env).ended;

function taskFile(name: string, spec: string): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(
    path,
    `apiVersion: sedna.io/v1alpha1\nkind: MultiEdgeInference\nmetadata: {name: ${name}}\nspec:\n  packing: PerNode\n  ${spec}\n`,
  );
  return path;
}

const camera = (id: string, file = `${id}.mp4`, more = 'fps: 2') =>
  `{id: ${id}, ${more}, source: {uri: ${file}, startTime: "2026-01-01T12:00:00Z"}}`;

test('run follows people over two cameras and leaves everything a user was promised', async () => {
  const task = taskFile('both', `cameras: [${camera('left')}, ${camera('right')}]`);
  const out = join(folder, 'both');
  const { code, stdout, stderr } = await mei(['run', task, '--out', out]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/person +left +right +first seen/);
  expect(stdout).toMatch(/were seen by more than one camera/);

  const identities = readFileSync(join(out, 'identities.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { number: number; tracks: { camera: string; reason: string }[] });
  expect(identities.length).toBeGreaterThan(4);
  const cameras = new Set(identities.flatMap(({ tracks }) => tracks.map((track) => track.camera)));
  expect([...cameras].sort()).toEqual(['left', 'right']);
  for (const { tracks } of identities) for (const { reason } of tracks) expect(reason).toBeTruthy();

  for (const id of ['left', 'right']) {
    const files = readdirSync(join(out, 'cameras', id));
    expect(files).toEqual(
      expect.arrayContaining(['annotated.jpg', 'annotated.mp4', 'mot.txt', 'tracks.csv']),
    );
    const [line] = readFileSync(join(out, 'cameras', id, 'mot.txt'), 'utf8').split('\n');
    expect(line).toMatch(/^\d+,\d+,[\d.-]+,[\d.-]+,[\d.]+,[\d.]+,[\d.]+,-1,-1,-1$/);
  }
  const status = JSON.parse(readFileSync(join(out, 'status.json'), 'utf8')) as Status;
  expect(status).toMatchObject({ phase: 'Completed', identities: identities.length });
  expect(status.output?.taskInfo?.trackingObjectNumber).toBe(identities.length);

  // The store is there: a second run of the same recordings finds the same people, not as many again.
  const boxes = () => readFileSync(join(out, 'cameras', 'left', 'tracks.csv'), 'utf8').split('\n').length;
  const before = boxes();
  const again = await mei(['run', task, '--out', out, '--no-video']);
  expect(again.code).toBe(0);
  expect(boxes()).toBe(before);
  expect(readFileSync(join(out, 'identities.jsonl'), 'utf8').trim().split('\n')).toHaveLength(
    identities.length,
  );
}, 300_000);

test('a person is found in both cameras by a picture out of one of them', async () => {
  const identities = readLines<Identity>(join(folder, 'both', 'identities.jsonl'));
  const seconds = ({ tracks }: Identity, id: string) =>
    tracks.filter(({ camera }) => camera === id).reduce((sum, { from, to }) => sum + to - from, 0);
  const both = ({ tracks }: Identity) => new Set(tracks.map(({ camera }) => camera)).size === 2;
  const person = identities
    .filter(both)
    .toSorted((a, b) => seconds(b, 'left') - seconds(a, 'left'))
    .at(0)!;
  const picture = await pictureOf(person);
  writeFileSync(join(folder, 'anna.jpg'), picture);
  const targets =
    'targets: [{name: anna, images: [{file: anna.jpg}]}, {name: nobody, images: [{file: gone.jpg}]}]';
  const cameras = `cameras: [${camera('left')}, ${camera('right')}]`;
  const task = taskFile('looking', `${cameras}\n  ${targets}`);
  const out = join(folder, 'looking');
  const { code, stdout } = await mei(['run', task, '--out', out, '--no-video']);
  expect(code).toBe(0);
  const sightings = readLines<TargetSighting & { number: number }>(join(out, 'sightings.jsonl'));
  expect(new Set(sightings.map(({ target }) => target))).toEqual(new Set(['anna']));
  const annas = readLines<Identity & { number: number }>(join(out, 'identities.jsonl')).find(both);
  expect(annas).toBeDefined();
  expect(new Set(sightings.map((each) => each.camera))).toEqual(new Set(['left', 'right']));
  for (const { score } of sightings) expect(score).toBeGreaterThan(0.3);
  expect(stdout).toMatch(/target anna: person \d+ in left, 12:00:/);
  expect(stdout).toContain('target nobody: not seen');
  expect(stdout).toContain('Others were seen who are none of the targets.');
}, 300_000);

/** A person cut out of the left recording, in the middle of the longest track. */
async function pictureOf({ tracks }: Identity): Promise<Uint8Array> {
  const rows = readFileSync(join(folder, 'both', 'cameras', 'left', 'tracks.csv'), 'utf8').split('\n');
  const [own] = tracks
    .map(({ track }) => rows.filter((row) => row.split(',')[2] === track))
    .toSorted((a, b) => b.length - a.length) as [string[]];
  const [sequence, , , left, top, width, height] = own[Math.floor(own.length / 2)]!.split(',').map(
    Number,
  ) as [number, ...number[]];
  for await (const frame of await openVideo(join(folder, 'left.mp4'))) {
    if (frame.index + 1 !== sequence) continue;
    const boxes = Float32Array.of(left!, top!, left! + width!, top! + height!);
    const size = { width: Math.round(width!), height: Math.round(height!) };
    const [pixels] = await cropResize(frame, boxes, size);
    return encodeJpeg({ pixels: pixels!, ...size });
  }
  throw new Error(`left.mp4 has no picture ${sequence}`);
}

function readLines<T>(path: string): T[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

test('a camera that cannot be read is named, the other goes on, and the exit code says so', async () => {
  const task = taskFile('one-missing', `cameras: [${camera('left')}, ${camera('right', 'nowhere.mp4')}]`);
  const out = join(folder, 'one-missing');
  const { code, stderr } = await mei(['run', task, '--out', out, '--no-video']);
  expect(code).toBe(3);
  expect(stderr.trim()).toMatch(/^mei: camera right failed: .*nowhere\.mp4.*$/);
  expect(readFileSync(join(out, 'identities.jsonl'), 'utf8').trim().split('\n').length).toBeGreaterThan(1);
}, 300_000);

test('when no camera can be read the run fails', async () => {
  writeFileSync(join(folder, 'text.mp4'), 'this is no video');
  const task = taskFile(
    'none',
    `cameras: [${camera('left', 'nowhere.mp4')}, ${camera('right', 'text.mp4')}]`,
  );
  const { code, stderr } = await mei(['run', task, '--out', join(folder, 'none')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/camera left failed: .*nowhere\.mp4/);
  expect(stderr).toMatch(/camera right failed: .*text\.mp4/);
}, 120_000);

test.each([
  ['a missing task file', ['run', 'no-such-task.yaml'], 2, /no-such-task\.yaml: there is no such file/],
  ['an unknown command', ['runn'], 1, /unknown command 'runn'.*[\s\S]*Did you mean run/],
  ['an unknown model', ['models', 'pull', 'yolo'], 2, /model yolo is not in the catalogue.*did you mean/],
  ['a bad duration', ['run', 'x.yaml', '--for', 'soon'], 1, /give a number of seconds above 0/],
])('%s gives one clear line', async (_name, args, expectedCode, message) => {
  const { code, stderr } = await mei(args);
  expect(code).toBe(expectedCode);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
});

test('a wrong field is named with its line', async () => {
  const task = taskFile(
    'wrong',
    `cameras: [{id: left, fpss: 3, source: {uri: left.mp4}}, ${camera('right')}]`,
  );
  const { code, stderr } = await mei(['run', task]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/wrong\.yaml:6: spec\.cameras\[0\]\.fpss: is not a known field; did you mean fps\?/);
});

test('a model with a wrong digest is never loaded', async () => {
  writeFileSync(join(folder, 'model.onnx'), 'not the model');
  const task = taskFile(
    'digest',
    `stages: {detect: {modelRef: {name: own, uri: model.onnx, sha256: "${'0'.repeat(64)}", input: {width: 64, height: 64}}}}\n` +
      `  cameras: [${camera('left')}, ${camera('right')}]`,
  );
  const { code, stderr } = await mei(['run', task, '--out', join(folder, 'digest')]);
  expect(code).toBe(1);
  expect(stderr.trim()).toMatch(
    /^mei: model own: .*model\.onnx has the digest [0-9a-f]{64}, not 0{64}: it is not used$/,
  );
});

test('results that cannot be written are refused before anything starts', async () => {
  writeFileSync(join(folder, 'file'), '');
  const task = taskFile('unwritable', `cameras: [${camera('left')}, ${camera('right')}]`);
  const { code, stderr } = await mei(['run', task, '--out', join(folder, 'file', 'sub')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/results cannot be written there: .*choose another --out/);
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('SKIPPED: "a full disk" needs root to mount a small file system\n');
if (!isRoot && process.env['CI'] === 'true') throw new Error('the test of a full disk needs root in CI');

(isRoot ? test : test.skip)(
  'a full disk is named, and the run ends instead of waiting for ever',
  async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=640k', 'tmpfs', disk]);
    try {
      const task = taskFile('full', `cameras: [${camera('left')}, ${camera('right')}]`);
      const { code, stderr } = await mei(['run', task, '--out', disk, '--no-video']);
      expect(code).toBe(1);
      expect(stderr.trim()).toMatch(
        /^mei: full-cloud: .*\/disk.*cannot be written.*check space and permissions$/,
      );
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  },
  200_000,
);

function workersOf(out: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}/environ`)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`MEI_WORKER_CONFIG=${out}`);
    } catch {
      return false;
    }
  });
}

/** Resolves when `condition` holds; looks again every 100 ms. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test.each([
  ['Ctrl-C', 'SIGINT', 0],
  ['the death of the runner', 'SIGKILL', null],
] as const)(
  '%s leaves no process running',
  async (_name, signal, expectedCode) => {
    const realtime = (id: string) => `{id: ${id}, source: {uri: ${id}.mp4, realtime: true}}`;
    const task = taskFile('long', `cameras: [${realtime('left')}, ${realtime('right')}]`);
    const out = join(folder, `long-${signal}`);
    mkdirSync(out);
    const { child, ended } = start(['run', task, '--out', out, '--no-video']);
    await until(() => existsSync(join(out, 'cameras/left/picture.jpg')), 'the first people are seen');
    expect(workersOf(out)).toHaveLength(2);
    child.kill(signal);
    const { code } = await ended;
    expect(code).toBe(expectedCode);
    await until(() => workersOf(out).length === 0, 'all workers are gone');
    if (signal === 'SIGINT') expect(existsSync(join(out, 'identities.jsonl'))).toBe(true);
  },
  200_000,
);
