// `npm run bench:peer`: the edge stages of one node beside a Python pipeline of the same models on the same video, in one run.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveModel } from '../../config/models.ts';
import { ensureModel } from '../../functions/media/models.ts';
import { machineShape, markdownTable, median, medianWithRange } from '../machine.ts';
import { measurePacking } from '../pipeline/packings.ts';
import { peerPython } from '../tracker/peers.ts';
import { oneThread } from '../pythonEnvironment.ts';

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');

const { values } = parseArgs({
  options: {
    video: { type: 'string', default: join(shared, 'data/pets09-s2l1/vtest.avi') },
    detector: { type: 'string', default: 'rtmdet-nano-person-384x512' },
    embedder: { type: 'string', default: 'reid-0286' },
    rounds: { type: 'string', default: '3' },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:peer -- [--video file] [--detector row] [--embedder row] [--rounds n] [--cache folder]
Needs ../shared (SHARED_DIR) unless video and models are given; python3 with venv, and PyPI on the first run.`);
  process.exit(0);
}

interface Run {
  frames: number;
  crops: number;
  seconds: number;
  processorSeconds: number;
  residentMiB: number;
}

/** What is promised against a pipeline at its libraries' defaults. */
const leastPerCore = 1.5;
const mostOfMemory = 2 / 3;

const peers = {
  'Python, defaults': { threads: 0, crops: 'few' },
  'Python, defaults, all crops': { threads: 0, crops: 'all' },
  'Python, one thread': { threads: 1, crops: 'few' },
} as const;

const python = peerPython(values.cache);
const models = {
  detector: await modelOf('detector', 'detect'),
  embedder: await modelOf('embedder', 'embed'),
};
const runs = new Map<string, Run[]>();
for (let round = 0; round < Number(values.rounds); round++) {
  keep('ours, PerNode', await ours());
  for (const [name, setting] of Object.entries(peers)) keep(name, runPython(setting));
}
report();

function keep(name: string, run: Run): void {
  runs.set(name, [...(runs.get(name) ?? []), run]);
}

async function ours(): Promise<Run> {
  const { video, detector, embedder } = values;
  const found = await measurePacking('PerNode', { video, detector, embedder, cameras: 1, threads: 1 });
  return { ...found, seconds: found.frames / found.framesPerSecond };
}

async function modelOf(option: 'detector' | 'embedder', task: 'detect' | 'embed') {
  const model = resolveModel({ name: values[option] }, task);
  const { width, height } = model.input;
  const path = await ensureModel(model);
  return { path, width, height, threshold: model.scoreThreshold ?? 0.42, overlap: model.nmsIou ?? 0.65 };
}

function runPython({ threads, crops }: { threads: number; crops: string }): Run {
  const task = { ...models, video: values.video, threads, crops };
  const run = spawnSync(python, [join(import.meta.dirname, 'pipeline.py'), JSON.stringify(task)], {
    encoding: 'utf8',
    timeout: 300_000,
    env: { ...process.env, ...(threads === 1 && oneThread) },
  });
  if (run.status !== 0)
    throw new Error(`pipeline.py failed (${run.error?.message ?? run.status}): ${run.stderr}`);
  return JSON.parse(run.stdout) as Run;
}

function report(): void {
  console.log(machineShape());
  console.log(`${values.video}, ${values.detector} + ${values.embedder}\n`);
  const own = runs.get('ours, PerNode')!;
  const perCore = (run: Run) => run.frames / run.processorSeconds;
  const compare = (name: string, of: (run: Run) => number) =>
    median(own.map((run, round) => of(run) / of(runs.get(name)![round]!)));
  const rows = [...runs].map(([name, of]) => [
    name,
    medianWithRange(of.map(perCore), 1),
    medianWithRange(
      of.map(({ frames, seconds }) => frames / seconds),
      1,
    ),
    medianWithRange(
      of.map(({ residentMiB }) => residentMiB),
      0,
    ),
    String(median(of.map(({ crops }) => crops))),
    name in peers ? compare(name, perCore).toFixed(2) : '',
    name in peers ? compare(name, ({ residentMiB }) => residentMiB).toFixed(2) : '',
  ]);
  const header = ['pipeline', 'frames per core-second', 'frames/s', 'most MiB', 'crops', 'we do', 'we hold'];
  console.log(markdownTable(header, rows));
  const broken = [
    ...(compare('Python, defaults', perCore) < leastPerCore
      ? [`less than ${leastPerCore} times the frames`]
      : []),
    ...(compare('Python, defaults', ({ residentMiB }) => residentMiB) > mostOfMemory
      ? [`more than ${mostOfMemory.toFixed(2)} of the memory`]
      : []),
  ];
  console.log(broken.length === 0 ? '\nall targets are met' : `\ntargets missed\n${broken.join('\n')}`);
  if (broken.length > 0) process.exitCode = 1;
}
