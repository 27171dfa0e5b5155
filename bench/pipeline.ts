// `npm run bench:pipeline`: frames/s of the edge stages, PerNode and PerStage, beside the floor of the same decoding and
// the same inference with nothing around them, in one run.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eventTypes, type ReportData, type TrackletsData } from '../config/events.ts';
import { loadFunctions } from '../config/functions.ts';
import { defaultModels, resolveModel } from '../config/models.ts';
import { parseTask } from '../config/task.ts';
import { desired } from '../controller/desired.ts';
import { startWorkers } from '../controller/processes.ts';
import { openDetector, openEmbedder } from '../functions/media/inference.ts';
import { ensureModel } from '../functions/media/models.ts';
import { openVideo } from '../functions/media/video.ts';
import { startRecordingCloud, wireBytes, type Arrival, type RecordingCloud } from '../test/support/cloud.ts';

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');

const { values } = parseArgs({
  options: {
    video: { type: 'string', default: join(shared, 'data/pets09-s2l1/vtest.avi') },
    detector: { type: 'string', default: 'rtmdet-nano-person-384x512' },
    embedder: { type: 'string', default: 'reid-0286' },
    cameras: { type: 'string', default: '1' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:pipeline -- [--video file] [--detector row] [--embedder row] [--cameras n] [--threads n] [--rounds n]
Needs ../shared (SHARED_DIR) unless video and models are given; own models: MODELS_DIR.`);
  process.exit(0);
}
const cameraCount = Number(values.cameras);
const threads = Number(values.threads);

interface Measurement {
  framesPerSecond: number;
  frames: number;
  crops: number;
  batches: number;
  cloudBytes: number;
  personSeconds: number;
}

type Packing = 'PerNode' | 'PerStage';

function task(packing: Packing) {
  const cameras = Array.from({ length: cameraCount }, (_, i) => ({
    id: `camera-${i + 1}`,
    source: { uri: values.video },
  }));
  return parseTask(
    JSON.stringify({
      apiVersion: 'sedna.io/v1alpha1',
      kind: 'MultiEdgeInference',
      metadata: { name: 'bench' },
      spec: {
        cameras,
        packing,
        stages: {
          detect: { modelRef: { name: values.detector } },
          embed: { modelRef: { name: values.embedder } },
        },
      },
    }),
    'bench',
  );
}

async function measure(packing: Packing): Promise<Measurement> {
  const folder = await mkdtemp(join(tmpdir(), 'mei-bench-'));
  const cloud = await startRecordingCloud();
  const plan = desired(task(packing), {
    functions: loadFunctions(),
    resolveModel,
    defaultModels,
    threads,
    clockStart: 0,
    storeFolder: folder,
    outboxFolder: join(folder, 'outbox'),
  });
  const elsewhere = new Map(
    plan.workers.filter(({ placement }) => placement === 'cloud').map(({ name }) => [name, cloud.url]),
  );
  const workers = await startWorkers(plan, { folder, elsewhere });
  // Models are loaded; the first picture is being decoded.
  const start = performance.now();
  await cloud.ended(cameraCount, 600_000);
  const seconds = (performance.now() - start) / 1000;
  await workers.stop();
  await cloud.close();
  await rm(folder, { recursive: true, force: true });
  return summarize(cloud, seconds);
}

function summarize(cloud: RecordingCloud, seconds: number): Measurement {
  const latest = new Map<string, ReportData>();
  const tracklets = new Map<string, number>();
  // A request with a report among other events counts as a whole: that is what the link carries.
  const arrivals = new Set<Arrival>();
  for (const { event, arrival } of cloud.crossings) {
    if (event.type === eventTypes.report) {
      const report = event.data as ReportData;
      latest.set(report.stage, report);
      continue;
    }
    arrivals.add(arrival);
    if (event.type !== eventTypes.tracklets) continue;
    const data = event.data as TrackletsData;
    for (const { track, from, to } of data.tracklets) tracklets.set(`${data.camera} ${track}`, to - from);
  }
  const cloudBytes = [...arrivals].reduce((sum, arrival) => sum + wireBytes(arrival), 0);
  const figure = (stage: string, name: string) => latest.get(stage)?.figures[name] ?? 0;
  const frames = figure('detect', 'frames');
  return {
    framesPerSecond: frames / seconds,
    frames,
    crops: figure('embed', 'crops'),
    batches: figure('embed', 'batches'),
    cloudBytes,
    personSeconds: [...tracklets.values()].reduce((sum, length) => sum + length, 0),
  };
}

/** Seconds for nothing but decoding the frames, running the detector as often, and the embedder on as many crops. */
async function floor({ crops, batches }: Measurement): Promise<{ framesPerSecond: number; parts: string }> {
  const detector = resolveModel({ name: values.detector }, 'detect');
  const embedder = resolveModel({ name: values.embedder }, 'embed');
  const detect = await openDetector(await ensureModel(detector), detector, threads);
  const embed = await openEmbedder(await ensureModel(embedder), embedder, threads);
  const image = new Uint8Array(detector.input.width * detector.input.height * 3).fill(114);
  const perBatch = Math.max(1, Math.round(crops / Math.max(1, batches)));
  const batch = new Uint8Array(perBatch * embedder.input.width * embedder.input.height * 3).fill(114);
  await detect(image);
  await embed(batch, perBatch);

  let frames = 0;
  const decoding = await secondsOf(async () => {
    for (let camera = 0; camera < cameraCount; camera++) {
      for await (const _frame of await openVideo(values.video)) frames += 1;
    }
  });
  const detecting = await secondsOf(async () => {
    for (let i = 0; i < frames; i++) await detect(image);
  });
  const embedding = await secondsOf(async () => {
    for (let done = 0; done < crops; done += perBatch) await embed(batch, perBatch);
  });
  const total = decoding + detecting + embedding;
  const parts = `decode ${ms(decoding / frames)}, detect ${ms(detecting / frames)}, embed ${ms(embedding / frames)} a frame`;
  return { framesPerSecond: frames / total, parts };
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

const ms = (seconds: number) => `${(seconds * 1000).toFixed(2)} ms`;
const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const spread = (numbers: number[]) => `${Math.min(...numbers).toFixed(1)}-${Math.max(...numbers).toFixed(1)}`;

console.log(
  `${values.video}, ${cameraCount} cameras, ${values.detector} + ${values.embedder}, ${threads} threads a session`,
);
console.log(
  `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`,
);
const rates: Record<'floor' | Packing, number[]> = { floor: [], PerNode: [], PerStage: [] };
let last: Measurement | undefined;
for (let round = 1; round <= Number(values.rounds); round++) {
  const perNode = await measure('PerNode');
  const perStage = await measure('PerStage');
  const bare = await floor(perNode);
  rates.PerNode.push(perNode.framesPerSecond);
  rates.PerStage.push(perStage.framesPerSecond);
  rates.floor.push(bare.framesPerSecond);
  last = perNode;
  console.log(`round ${round}: floor ${bare.parts}`);
}
for (const [name, numbers] of Object.entries(rates)) {
  const ratios = numbers.map((number, i) => number / rates.floor[i]!);
  console.log(
    `${name.padEnd(9)} ${median(numbers).toFixed(1).padStart(6)} frames/s (${spread(numbers)}), ratio to the floor ${median(ratios).toFixed(2)}`,
  );
}
if (last) {
  const videoBits = ((await stat(values.video)).size * 8) / (last.frames / cameraCount / 7);
  const perPersonSecond = last.cloudBytes / last.personSeconds;
  console.log(
    `to the cloud: ${perPersonSecond.toFixed(0)} bytes per person-second (${((perPersonSecond * 8) / 1000).toFixed(2)} kbit/s a person, ` +
      `${((last.cloudBytes * 8) / 1000 / (last.frames / cameraCount / 7) / cameraCount).toFixed(1)} kbit/s a camera); the video itself ${(videoBits / 1000).toFixed(0)} kbit/s`,
  );
}
