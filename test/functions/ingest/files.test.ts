import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { TransientError, PermanentError } from '../../../functions/function.ts';
import { makeClip, numberShown, temporaryFolder } from '../../support/clips.ts';
import { cameraConfig, IngestRun } from '../../support/ingestRun.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clip: string;
let run: IngestRun | undefined;

beforeAll(async () => {
  folder = await temporaryFolder();
  clip = await makeClip(join(folder.path, 'clip.mp4'), 28, 10);
});
afterAll(async () => folder.remove());
afterEach(async () => run?.stop());

test('a file gives every frame in order, its media time from the start time, then its end', async () => {
  run = await new IngestRun([cameraConfig('a', { uri: clip, startTime: 5000 })]).start();
  await run.until('the end', () => run!.report('a').state === 'ended');
  const frames = run.frames();
  expect(frames.map(({ sequence }) => sequence)).toEqual([...Array(28).keys()].map((at) => at + 1));
  expect(frames.map(({ pixels, width, height }) => numberShown(pixels, width, height))).toEqual([
    ...Array(28).keys(),
  ]);
  frames.forEach(({ time }, at) => expect(time).toBeCloseTo(5000 + at / 10, 3));
  expect(run.events.at(-1)).toMatchObject({
    type: 'io.sedna.multiedge.stream.v1',
    subject: 'a',
    data: { state: 'ended' },
  });
  expect(run.report('a')).toMatchObject({ frames: 28, dropped: 0, progress: 1 });
  expect(run.stage.status!().phase).toBe('Completed');
});

test('the same file read twice gives the same ids, another start time other ones', async () => {
  const ids = async (startTime: number) => {
    run = await new IngestRun([cameraConfig('a', { uri: clip, startTime })]).start();
    await run.until('the end', () => run!.report('a').state === 'ended');
    return run.events.map(({ id }) => id);
  };
  const first = await ids(5000);
  expect(new Set(first).size).toBe(29);
  expect(await ids(5000)).toEqual(first);
  expect((await ids(6000)).some((id) => first.includes(id))).toBe(false);
});

test('the next stage sets the pace: nothing is read far ahead, nothing is dropped', async () => {
  run = new IngestRun([cameraConfig('a', { uri: clip })]);
  let offered = 0;
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  run.accept = async () => {
    offered++;
    if (offered === 3) await gate;
  };
  await run.start();
  await run.until('the third frame', () => offered === 3);
  await new Promise((resolve) => setImmediate(resolve));
  expect(offered).toBe(3);
  release();
  await run.until('the end', () => run!.report('a').state === 'ended');
  expect(run.frames()).toHaveLength(28);
});

test('a frame that the next stage cannot take now is offered again, under the same id', async () => {
  run = new IngestRun([cameraConfig('a', { uri: clip })]);
  const offered: string[] = [];
  run.accept = async ({ id }) => {
    offered.push(id);
    if (offered.length <= 3) throw new TransientError('queue is full');
  };
  await run.start();
  await run.until('the end', () => run!.report('a').state === 'ended');
  expect(new Set(offered.slice(0, 4)).size).toBe(1);
  expect(run.frames().map(({ sequence }) => sequence)).toEqual([...Array(28).keys()].map((at) => at + 1));
  expect(run.report('a').message).toBeUndefined();
});

test('a frame that the next stage refuses for good fails the camera, and says why', async () => {
  run = new IngestRun([cameraConfig('a', { uri: clip })]);
  run.accept = async ({ type }) => {
    if (type.includes('frame')) throw new PermanentError('frame is too large');
  };
  await run.start();
  await run.until('the failure', () => run!.ended('a'));
  expect(run.report('a')).toMatchObject({ state: 'failed', message: 'frame is too large' });
});

test('the fps limit holds, and the sequence shows what was skipped', async () => {
  run = await new IngestRun([cameraConfig('a', { uri: clip }, { fps: 5 })]).start();
  await run.until('the end', () => run!.report('a').state === 'ended');
  expect(run.frames().map(({ sequence }) => sequence)).toEqual([...Array(14).keys()].map((at) => at * 2 + 1));
});

test('masked zones are black in what leaves the stage', async () => {
  const mask = [{ name: 'window', points: [0.5, 0, 1, 0, 1, 1, 0.5, 1] }];
  run = await new IngestRun([cameraConfig('a', { uri: clip }, { mask })]).start();
  await run.until('the end', () => run!.report('a').state === 'ended');
  const { pixels, width } = run.frames()[9]!;
  const row = pixels.subarray(10 * width * 3, 11 * width * 3);
  expect([...row.subarray(32 * 3)]).toEqual(Array(32 * 3).fill(0));
  expect(row.subarray(20 * 3, 32 * 3).every((value) => value > 16)).toBe(true);
});

test('a file that is played at its own pace takes its own time', async () => {
  run = await new IngestRun([cameraConfig('a', { uri: clip, realtime: true })]).start();
  await run.until('some frames', () => run!.frames().length >= 3);
  const { time: first } = run.frames()[0]!;
  const { time: third } = run.frames()[2]!;
  expect(third - first).toBeCloseTo(0.2, 2);
  expect(Date.now() / 1000 - first).toBeGreaterThanOrEqual(0.19);
  expect(run.report('a').state).toBe('connected');
});

test('cameras that fail say so in one line and end; the others go on', async () => {
  const text = join(folder.path, 'notes.txt');
  await writeFile(text, 'no video here\n'.repeat(100));
  run = await new IngestRun([
    cameraConfig('good', { uri: clip }),
    cameraConfig('missing', { uri: '/no/such/video.mp4' }),
    cameraConfig('text', { uri: text }),
    cameraConfig('secret', { uri: clip, passwordEnv: 'CAMERA_PASSWORD' }),
  ]).start();
  await run.until('all ends', () => ['good', 'missing', 'text', 'secret'].every((id) => run!.ended(id)));
  await run.until('the end', () => run!.report('good').state === 'ended');
  expect(run.frames('good')).toHaveLength(28);
  expect(run.report('missing')).toMatchObject({
    state: 'failed',
    message: '/no/such/video.mp4: no such file',
  });
  expect(run.report('text')).toMatchObject({
    state: 'failed',
    message: `${text}: is not a video that can be read`,
  });
  expect(run.report('secret').message).toBe('camera secret: environment variable CAMERA_PASSWORD is not set');
  expect(run.stage.status!().phase).toBe('Completed');
});

test('when every camera failed the stage failed', async () => {
  run = await new IngestRun([cameraConfig('missing', { uri: '/no/such/video.mp4' })]).start();
  await run.until('the failure', () => run!.ended('missing'));
  expect(run.stage.status!()).toMatchObject({ phase: 'Failed', message: '/no/such/video.mp4: no such file' });
});

test('a worker that drains stops in the middle of a file, without claiming its end', async () => {
  run = new IngestRun([cameraConfig('a', { uri: clip })]);
  let offered = 0;
  const { signal } = run.context;
  run.accept = () =>
    ++offered < 3
      ? Promise.resolve()
      : new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('draining'))),
        );
  await run.start();
  await run.until('the third frame', () => offered === 3);
  await run.stop();
  expect(run.ended('a')).toBe(false);
});
