// `npm run bench:gate`: what the motion gate saves of the detect stage's processor time, and what it costs in accuracy: where people pass one
// by one and the picture is often still, and where it never is.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eventTypes, type FrameData, type StageEvent, type TracksData } from '../config/events.ts';
import { resolveModel } from '../config/models.ts';
import { createDetect } from '../functions/detect/handler.ts';
import { detectParts } from '../functions/detect/options.ts';
import type { Context } from '../functions/function.ts';
import { openDetector } from '../functions/media/inference.ts';
import { ensureModel } from '../functions/media/models.ts';
import { openVideo } from '../functions/media/video.ts';
import { readMot, writeMot, type MotRow } from './accuracy/motFiles.ts';
import { score } from './accuracy/scorer.ts';
import { machineShape, markdownTable } from './machine.ts';

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');

const { values } = parseArgs({
  options: {
    detector: { type: 'string', default: 'rtmdet-nano-person-384x512' },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:gate -- [--detector row] [--cache folder]
Needs ../shared (SHARED_DIR), python3 with venv, and PyPI on the first run.`);
  process.exit(0);
}

const settings: Record<string, Record<string, number>> = {
  off: {},
  'stillFps 1': { stillIntervalSeconds: 1 },
  'stillFps 1, emptyFps 5': { stillIntervalSeconds: 1, emptyIntervalSeconds: 0.2 },
  'stillFps 1, emptyFps 2': { stillIntervalSeconds: 1, emptyIntervalSeconds: 0.5 },
  'stillFps 0.2, emptyFps 2': { stillIntervalSeconds: 5, emptyIntervalSeconds: 0.5 },
};
const data = join(shared, 'data');
const pets = join(data, 'pets09-s2l1');
const scenes = [
  { name: 'one-by-one', video: join(data, 'one-by-one', 'one-by-one-person-detection.mp4') },
  {
    name: 'PETS09-S2L1',
    video: join(pets, 'vtest.avi'),
    truth: join(pets, 'gt', 'gt.txt'),
    framesPerSecond: 7,
  },
];
// All that the detect stage uses of it.
const context = { now: Date.now } as unknown as Context;
const model = resolveModel({ name: values.detector }, 'detect');
const detect = await openDetector(await ensureModel(model), model, 1);

console.log(`${machineShape()}\n${values.detector}, one thread`);
for (const scene of scenes) {
  const folder = join(values.cache, 'gate', scene.name);
  const runs = new Map<string, Run>();
  for (const [name, params] of Object.entries(settings)) runs.set(name, await run(scene, params));
  // Without truth the stage with the gate off is what the others should equal.
  const truth = join(folder, 'truth.txt');
  writeMot(truth, scene.truth === undefined ? runs.get('off')!.rows : readMot(scene.truth));
  const jobs = [...runs].map(([name, { rows }]) => {
    const result = join(folder, `${name.replaceAll(/\W+/g, '-')}.txt`);
    writeMot(result, rows);
    return { name, truth, result };
  });
  const scores = score(jobs, values.cache);
  const off = runs.get('off')!;
  console.log(
    `\n${scene.name}, ${off.frames} frames, against ${scene.truth === undefined ? 'the gate switched off' : 'the truth'}\n`,
  );
  const table = [...runs].map(([name, { spentMs, detected, frames, tracks }]) => {
    const { hota, mota, idf1 } = scores[name]!;
    return [
      name,
      `${((100 * detected) / frames).toFixed(0)} %`,
      (spentMs / frames).toFixed(1),
      `${(100 * (1 - spentMs / off.spentMs)).toFixed(0)} %`,
      ...[hota, mota, idf1].map((value) => value.toFixed(3)),
      String(tracks),
    ];
  });
  const header = ['gate', 'detected in', 'ms a frame', 'saved', 'HOTA', 'MOTA', 'IDF1', 'tracks'];
  console.log(markdownTable(header, table));
}

interface Run {
  rows: MotRow[];
  frames: number;
  detected: number;
  tracks: number;
  /** Processor time of the stage, milliseconds. */
  spentMs: number;
}

async function run(
  { name, video, framesPerSecond }: { name: string; video: string; framesPerSecond?: number },
  params: Record<string, number>,
): Promise<Run> {
  const stage = createDetect({
    detect,
    model,
    parts: detectParts(model, params),
    knownCameras: new Set([name]),
    cropSize: { width: 128, height: 256 },
    source: '/bench',
  });
  const rows: MotRow[] = [];
  let frames = 0;
  let spentMs = 0;
  const reader = await openVideo(video);
  // Read one by one: a frame decoded ahead would count as work of the stage.
  for (let frame = await reader.read(); frame !== null; frame = await reader.read()) {
    const { index, pixels, width, height } = frame;
    const time = framesPerSecond === undefined ? frame.time : index / framesPerSecond;
    const event = frameEvent({ camera: name, sequence: index + 1, time, width, height, pixels });
    const before = process.cpuUsage();
    const { data } = (await stage.handle(event, context)) as StageEvent<TracksData>;
    const { user, system } = process.cpuUsage(before);
    spentMs += (user + system) / 1000;
    frames += 1;
    rows.push(...motRows(index + 1, data));
  }
  await reader.close();
  const unchanged = stage.status?.()?.figures['unchanged'] ?? 0;
  const tracks = new Set(rows.map(({ id }) => id)).size;
  return { rows, frames, detected: frames - unchanged, tracks, spentMs };
}

function frameEvent(frame: FrameData): StageEvent<FrameData> {
  return { id: `f${frame.sequence}`, source: '/bench', type: eventTypes.frame, data: frame };
}

function motRows(frame: number, { ids, boxes, scores }: TracksData): MotRow[] {
  return [...ids].map((id, i) => {
    const [left, top, right, bottom] = boxes.subarray(i * 4, i * 4 + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    return { frame, id, left, top, width: right - left, height: bottom - top, confidence: scores[i]! };
  });
}
