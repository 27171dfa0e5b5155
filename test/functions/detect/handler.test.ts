// The detect stage with the detector on board and the sample cameras.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventTypes, type FrameData, type StageEvent, type TracksData } from '../../../config/events.ts';
import type { WorkerConfig } from '../../../config/worker.ts';
import { defaultModels, resolveModel } from '../../../config/models.ts';
import { createDetect } from '../../../functions/detect/handler.ts';
import { detectParts } from '../../../functions/detect/options.ts';
import { createRecorder } from '../../../functions/detect/recorder.ts';
import { PermanentError, TransientError, type Context, type Log } from '../../../functions/function.ts';
import { decodeImage } from '../../../functions/media/images.ts';
import { openDetector, type Detect } from '../../../functions/media/inference.ts';
import { ensureModel } from '../../../functions/media/models.ts';
import { openVideo } from '../../../functions/media/video.ts';

const model = resolveModel(defaultModels.detect, 'detect');
const logged: { keys: object; message: string }[] = [];
const note = (keys: object, message: string) => void logged.push({ keys, message });
const log: Log = { debug: note, info: note, warn: note, error: note };
const context = { log, now: () => 0 } as unknown as Context;

let detect: Detect;
let frames: StageEvent<FrameData>[];
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mei-detect-'));
  detect = await openDetector(await ensureModel(model), model, 1);
  frames = [];
  for await (const { pixels, width, height, time, index } of await openVideo('samples/right.mp4', {
    fps: 3,
  })) {
    const data = { camera: 'right', sequence: index + 1, time: 1000 + time, width, height, pixels };
    frames.push({
      id: `f${index}`,
      source: '/s/ingest/right',
      type: eventTypes.frame,
      partitionkey: 'right',
      data,
    });
    if (frames.length === 20) break;
  }
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = (more: { resultsFolder?: string } = {}) =>
  createDetect({
    detect,
    model,
    parts: detectParts(model, {}),
    knownCameras: new Set(['right']),
    cropSize: { width: 64, height: 128 },
    source: '/s',
    ...(more.resultsFolder && { openRecorder: (camera) => createRecorder(more.resultsFolder!, camera, log) }),
  });

const end: StageEvent = {
  id: 'end',
  source: '/s/ingest/right',
  type: eventTypes.stream,
  data: { camera: 'right', state: 'ended', time: 1010 },
};

async function run(stage: ReturnType<typeof createDetect>): Promise<TracksData[]> {
  const out: TracksData[] = [];
  for (const frame of frames) out.push(((await stage.handle(frame, context)) as StageEvent<TracksData>).data);
  return out;
}

test('people are found and keep their number from frame to frame', async () => {
  const tracks = await run(open());
  const seen = new Map<number, number>();
  for (const { ids, boxes, scores, width, height } of tracks) {
    expect(boxes).toHaveLength(ids.length * 4);
    expect(scores).toHaveLength(ids.length);
    ids.forEach((id) => seen.set(id, (seen.get(id) ?? 0) + 1));
    for (let i = 0; i < ids.length; i++) {
      const [left, top, right, bottom] = boxes.subarray(i * 4, i * 4 + 4);
      expect(
        left! >= 0 && top! >= 0 && right! <= width && bottom! <= height && left! < right! && top! < bottom!,
      ).toBe(true);
    }
  }
  expect([...seen.values()].filter((times) => times >= 15).length).toBeGreaterThanOrEqual(2);
  expect(seen.size).toBeLessThan(9);
}, 60_000);

test('each track gets a few crops of the size that was asked for, not one a frame', async () => {
  const crops = (await run(open())).flatMap((tracks) => tracks.crops);
  const perTrack = new Map<number, number>();
  for (const { track, width, height, pixels, quality } of crops) {
    perTrack.set(track, (perTrack.get(track) ?? 0) + 1);
    expect([width, height, pixels.length]).toEqual([64, 128, 64 * 128 * 3]);
    expect(quality).toBeGreaterThan(0);
  }
  expect(perTrack.size).toBeGreaterThan(1);
  for (const count of perTrack.values()) expect(count).toBeLessThanOrEqual(6);
}, 60_000);

test('with a motion gate a still picture is detected in once a second, and people keep their tracks', async () => {
  let runs = 0;
  const counted: Detect = (pixels) => {
    runs += 1;
    return detect(pixels);
  };
  const stage = createDetect({
    detect: counted,
    model,
    parts: detectParts(model, { stillIntervalSeconds: 1 }),
    knownCameras: new Set(['right']),
    cropSize: { width: 64, height: 128 },
    source: '/s',
  });
  const out: TracksData[] = [];
  for (let k = 0; k < 20; k++) {
    const data = { ...frames[0]!.data, sequence: k + 1, time: 1000 + k / 4 };
    const event = { ...frames[0]!, id: `still${k}`, data };
    out.push(((await stage.handle(event, context)) as StageEvent<TracksData>).data);
  }
  expect(runs).toBe(5);
  expect(stage.status!().figures).toMatchObject({ frames: 20, unchanged: 15 });
  expect(out[0]!.ids.length).toBeGreaterThan(0);
  for (const { ids } of out) expect(ids).toEqual(out[0]!.ids);
}, 60_000);

test('the same frames give the same events: a replay is harmless', async () => {
  expect(await run(open())).toEqual(await run(open()));
}, 60_000);

test('the end of a stream is passed on with the session, and the camera may begin anew', async () => {
  const stage = open();
  const first = (await stage.handle(frames[0]!, context)) as StageEvent<TracksData>;
  const [ended] = (await stage.handle(end, context)) as StageEvent[];
  expect(ended).toMatchObject({
    id: 'end',
    source: '/s/detect/right',
    data: { session: first.data.session },
  });
  expect(stage.status!().phase).toBe('Completed');
});

test('a camera of another worker is waited for, then refused', async () => {
  const stage = open();
  const strange = { ...frames[0]!, data: { ...frames[0]!.data, camera: '../gate' } };
  const at = (nowMs: number) => stage.handle(strange, { ...context, now: () => nowMs });
  const message = 'camera ../gate is not one of this worker: right';
  await expect(at(0)).rejects.toThrow(new TransientError(message));
  await expect(at(0)).rejects.toBeInstanceOf(TransientError);
  await expect(at(200_000)).rejects.toBeInstanceOf(PermanentError);
});

const reconfigured = (stage: ReturnType<typeof open>, params: Record<string, number>, ids = ['right']) =>
  stage.reconfigure!(
    {
      detect: { threads: 1, params },
      cameras: ids.map((id) => ({ id, source: { type: 'HTTP' } })),
    } as WorkerConfig,
    context,
  );

test('other thresholds are in force from the next frame on, and people who are followed keep their numbers', async () => {
  const stage = open();
  const tracks: TracksData[] = [];
  for (const [index, frame] of frames.entries()) {
    if (index === 8) expect(await reconfigured(stage, { birthScore: 1.1, maxTracks: 300 })).toBe(true);
    tracks.push(((await stage.handle(frame, context)) as StageEvent<TracksData>).data);
  }
  const before = new Set(tracks.slice(0, 8).flatMap(({ ids }) => [...ids]));
  const after = new Set(tracks.slice(9).flatMap(({ ids }) => [...ids]));
  expect(after.size).toBeGreaterThan(1);
  // Nobody scores above 1.1: only those who were there already are followed.
  for (const id of after) expect(before).toContain(id);
  const undisturbed = await run(open());
  const untouched = new Set(undisturbed.slice(9).flatMap(({ ids }) => [...ids]));
  expect([...untouched].some((id) => !before.has(id))).toBe(true);
  expect(new Set(tracks.map(({ session }) => session)).size).toBe(1);
}, 60_000);

test('options that are not known are refused, and the others stay in force', async () => {
  const stage = open();
  await expect(reconfigured(stage, { birthScor: 1 })).rejects.toThrow(
    'stages.detect.params.birthScor is not known',
  );
  const first = (await stage.handle(frames[0]!, context)) as StageEvent<TracksData>;
  expect(first.data.ids.length).toBeGreaterThan(0);
});

test('a camera that is taken away is refused, one that comes is known at once; the end of the old one still passes', async () => {
  const stage = open();
  await stage.handle(frames[0]!, context);
  await reconfigured(stage, {}, ['left']);
  await expect(stage.handle(frames[1]!, context)).rejects.toThrow('is not one of this worker: left');
  const left = { ...frames[1]!, data: { ...frames[1]!.data, camera: 'left' } };
  expect(((await stage.handle(left, context)) as StageEvent<TracksData>).data.camera).toBe('left');
  const [ended] = (await stage.handle(end, context)) as StageEvent<{ session?: string }>[];
  expect(ended!.data.session).toBeDefined();
  expect(stage.status!()).toMatchObject({ phase: 'Running', cameras: [{ camera: 'left' }] });
});

test('other events are refused', async () => {
  await expect(open().handle({ ...end, type: eventTypes.report }, context)).rejects.toThrow(
    /detect takes frame/,
  );
});

test('local results are lines that anybody can read, and the fullest picture', async () => {
  const resultsFolder = join(folder, 'results');
  const stage = open({ resultsFolder });
  const tracks = await run(stage);
  await stage.handle(end, context);
  const lines = readFileSync(join(resultsFolder, 'right/tracks.csv'), 'utf8').trim().split('\n');
  expect(lines[0]).toBe('# sequence,time,track,left,top,width,height,score');
  expect(lines).toHaveLength(1 + tracks.reduce((sum, { ids }) => sum + ids.length, 0));
  const picture = await decodeImage(readFileSync(join(resultsFolder, 'right/picture.jpg')));
  expect([picture.width, picture.height]).toEqual([frames[0]!.data.width, frames[0]!.data.height]);
  const { boxes } = JSON.parse(readFileSync(join(resultsFolder, 'right/picture.json'), 'utf8')) as {
    boxes: object[];
  };
  expect(boxes).toHaveLength(Math.max(...tracks.map(({ ids }) => ids.length)));
}, 60_000);

test('where local results cannot be written the camera goes on, and the log says so once', async () => {
  writeFileSync(join(folder, 'file'), '');
  logged.length = 0;
  const tracks = await run(open({ resultsFolder: join(folder, 'file') }));
  expect(tracks).toHaveLength(frames.length);
  expect(logged.map(({ message }) => message)).toEqual(['local results cannot be written']);
}, 60_000);

test('parameters go to the part that knows them; unknown ones are refused with the known ones', () => {
  const parts = detectParts(model, { maxCropsPerTrack: 2, maxUnseenSeconds: 9, maxOverlap: 0.7 });
  expect([parts.crops.maxCropsPerTrack, parts.tracker.maxUnseenSeconds, parts.nms.maxOverlap]).toEqual([
    2, 9, 0.7,
  ]);
  expect(() => detectParts(model, { maxCrops: 2 })).toThrow(
    /stages.detect.params.maxCrops is not known; known are .*maxCropsPerTrack/,
  );
});
