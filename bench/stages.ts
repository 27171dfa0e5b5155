// `npm run bench:stages`: milliseconds of each stage for one camera, one thread, with the default models and with others,
// so that who sets up a small node sees what the frame rate will be and which model decides it.
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eventTypes, type FrameData, type TracksData } from '../config/events.ts';
import { defaultModels, resolveModel } from '../config/models.ts';
import { createDetect } from '../functions/detect/handler.ts';
import { detectParts } from '../functions/detect/options.ts';
import type { Context } from '../functions/function.ts';
import { openDetector, openEmbedder } from '../functions/media/inference.ts';
import { ensureModel } from '../functions/media/models.ts';
import { openVideo, type VideoFrame } from '../functions/media/video.ts';

process.env['MODELS_DIR'] ??= join(process.env['SHARED_DIR'] ?? '../shared', 'models');

const { values } = parseArgs({
  options: {
    video: { type: 'string', default: 'samples/left.mp4' },
    detector: { type: 'string', multiple: true, default: [defaultModels.detect.name] },
    embedder: { type: 'string', multiple: true, default: [defaultModels.embed.name] },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:stages -- [--video file] [--detector row]... [--embedder row]... [--rounds n]
Without options: the video and the models of npm start. Other models need ../shared (SHARED_DIR, MODELS_DIR).`);
  process.exit(0);
}

// All that the detect stage uses of it.
const context = { now: Date.now } as unknown as Context;

interface Round {
  decode: number;
  detect: number;
  track: number;
  embed: number;
}

/** Milliseconds of processor time so far: unlike the clock it does not count what other programs took meanwhile. */
function spentMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = spentMs();
  await work();
  return spentMs() - start;
}

async function decode(): Promise<{ frames: VideoFrame[]; spent: number }> {
  const frames: VideoFrame[] = [];
  const spent = await time(async () => {
    for await (const frame of await openVideo(values.video)) frames.push(frame);
  });
  return { frames, spent };
}

/** The real detect stage around a detector that is timed, then the embedder on the crops that it chose. */
async function prepare(detectorName: string, embedderName: string) {
  const model = resolveModel({ name: detectorName }, 'detect');
  const embedder = resolveModel({ name: embedderName }, 'embed');
  const detect = await openDetector(await ensureModel(model), model, 1);
  const embed = await openEmbedder(await ensureModel(embedder), embedder, 1);
  return async (frames: VideoFrame[]) => {
    let detecting = 0;
    let embedding = 0;
    let crops = 0;
    const stage = createDetect({
      async detect(pixels) {
        const start = spentMs();
        const found = await detect(pixels);
        detecting += spentMs() - start;
        return found;
      },
      model,
      parts: detectParts(model, {}),
      knownCameras: new Set(['camera']),
      cropSize: embedder.input,
      source: '/bench',
    });
    const whole = await time(async () => {
      for (const frame of frames) {
        const data: FrameData = { ...frame, camera: 'camera', sequence: frame.index + 1 };
        const event = { id: `${frame.index}`, source: '/bench', type: eventTypes.frame, data };
        const [tracks] = [await stage.handle(event, context)].flat();
        const chosen = (tracks?.data as TracksData).crops;
        if (chosen.length === 0) continue;
        crops += chosen.length;
        const pixels = Buffer.concat(chosen.map((crop) => crop.pixels));
        embedding += await time(() => embed(pixels, chosen.length));
      }
    });
    return { detect: detecting, embed: embedding, track: whole - detecting - embedding, crops };
  };
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

async function measure(detectorName: string, embedderName: string): Promise<string> {
  const run = await prepare(detectorName, embedderName);
  const rounds: Round[] = [];
  let perCrop = 0;
  let cropsPerFrame = 0;
  for (let round = 0; round <= Number(values.rounds); round++) {
    const { frames, spent } = await decode();
    const { crops, ...parts } = await run(frames);
    // The first round warms up.
    if (round === 0) continue;
    const perFrame = ([name, ms]: [string, number]) => [name, ms / frames.length] as const;
    rounds.push(
      Object.fromEntries(Object.entries({ decode: spent, ...parts }).map(perFrame)) as unknown as Round,
    );
    perCrop = parts.embed / Math.max(1, crops);
    cropsPerFrame = crops / frames.length;
  }
  const middle = (name: keyof Round) => median(rounds.map((round) => round[name]));
  const parts = (['decode', 'detect', 'track', 'embed'] as const).map(middle);
  const sum = parts.reduce((total, part) => total + part, 0);
  const cells = [
    ...parts.map((ms) => ms.toFixed(2)),
    perCrop.toFixed(2),
    cropsPerFrame.toFixed(2),
    `${((100 * middle('detect')) / sum).toFixed(0)} %`,
    (1000 / sum).toFixed(0),
  ];
  return `| ${[detectorName, embedderName, ...cells].join(' | ')} |`;
}

console.log(
  `${values.video}, one thread, ${cpus()[0]?.model ?? 'unknown processor'}; milliseconds of processor time a frame\n`,
);
console.log(
  '| detector | embedder | decode | detect | track | embed | embed, a crop | crops a frame | share of detect | frames/s |',
);
console.log(`|${' --- |'.repeat(10)}`);
for (const detectorName of values.detector)
  for (const embedderName of values.embedder) console.log(await measure(detectorName, embedderName));
