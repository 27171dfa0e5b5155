// `npm run bench:accuracy`: HOTA, MOTA and IDF1 of detect + track on real video, at full rate and slower, and of identities across two cameras.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveModel } from '../../config/models.ts';
import { compared, shipped } from './configurations.ts';
import { joinCameras, subsample, writeMot, type MotRow } from './motFiles.ts';
import { score, type Score, type ScoreJob } from './scorer.ts';
import { crowdSequences } from './simulatedCrowd.ts';
import { petsSequences, petsTruth, petsViews, publicSequences, type Sequence } from './sequences.ts';
import { splitIdentities, visitGapS } from './splitIdentities.ts';
import { brokenPromises } from './targets.ts';
import { trackSequence } from './trackSequence.ts';

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');

const { values } = parseArgs({
  options: {
    detector: { type: 'string', default: 'rtmdet-nano-person-384x512' },
    strides: { type: 'string', default: '1,3,6' },
    features: { type: 'boolean', default: false },
    embedder: { type: 'string', default: 'reid-0286' },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:accuracy -- [--detector row] [--embedder row] [--strides 1,3,6] [--features] [--cache folder]
  --features     also plain trackers on the same detections, and each feature left out
Needs ../shared (SHARED_DIR), python3 with venv, and PyPI on the first run.`);
  process.exit(0);
}

const dataFolder = join(shared, 'data');
if (!existsSync(join(dataFolder, 'pets09-s2l1'))) {
  console.error(
    `accuracy: ${join(dataFolder, 'pets09-s2l1')} is missing: set SHARED_DIR to the folder that holds data/`,
  );
  process.exit(1);
}
const resultFolder = join(values.cache, 'accuracy');
const petsFrameCount = 795;
/** Frames a second below which nobody can be followed by where they are. */
const slowest = 0.6;

const strides = values.strides.split(',').map(Number);
await scoreTrackers();
if (!values.features) await scoreIdentities();

async function scoreIdentities(): Promise<void> {
  console.log(`
identities across the halves, ${values.detector} + ${values.embedder}`);
  const scores: Record<string, Score> = {};
  for (const stride of strides) {
    const models = { detector: values.detector, embedder: values.embedder };
    const [visits, people] = await splitIdentities(dataFolder, models, stride, [visitGapS, Infinity]);
    Object.assign(scores, score(identityJobs(visits!, stride, 'identities'), values.cache));
    Object.assign(scores, score(identityJobs(people!, stride, 'with memory'), values.cache));
  }
  judge(scores);
  console.log(
    `Truth gives people who return a new id: "identities" does so after ${visitGapS} s, "with memory" recognises them.`,
  );
}

async function scoreTrackers(): Promise<void> {
  const model = resolveModel({ name: values.detector }, 'detect');
  const sequences = [
    ...(await petsSequences(dataFolder, model, values.cache)),
    ...crowdSequences(dataFolder),
    ...publicSequences(dataFolder),
  ];
  for (const [name, options] of Object.entries(values.features ? compared : shipped)) {
    const jobs = strides.flatMap((stride) =>
      sequences
        .filter(({ framesPerSecond }) => framesPerSecond / stride >= slowest)
        .map((sequence) => {
          const rows = trackSequence(sequence, stride, options);
          return scoreJob(name, sequence, stride, rows);
        }),
    );
    console.log(`\n${name} tracker, ${values.detector} (crowd: simulated, mot15: public detections)`);
    const scores = score(jobs, values.cache);
    if (values.features) printScores(scores, true);
    else judge(scores);
  }
}

function scoreJob(
  configuration: string,
  { name, truth }: Sequence,
  stride: number,
  rows: ReturnType<typeof trackSequence>,
): ScoreJob {
  const [group, member] = name.split(':') as [string, string];
  const file = `${group}-${member}-every-${stride}.txt`;
  const truthPath = join(resultFolder, 'truth', file);
  const resultPath = join(resultFolder, configuration.replaceAll(/\W+/g, '-'), file);
  writeMot(truthPath, subsample(truth, stride));
  writeMot(resultPath, rows);
  return { name: `${group} every ${stride}:${member}`, truth: truthPath, result: resultPath };
}

/** One id per person over both cameras: each camera alone with the ids as they are, and both laid behind one another. */
function identityJobs(results: Map<string, MotRow[]>, stride: number, group: string): ScoreJob[] {
  const frameCount = Math.ceil(petsFrameCount / stride);
  const cameras = (['left', 'right'] as const).map((name) => ({
    name,
    truth: subsample(petsTruth(dataFolder, petsViews[name]), stride),
    result: results.get(name)!,
  }));
  const scenes = [
    ...cameras,
    {
      name: 'across',
      truth: joinCameras(
        cameras.map(({ truth }) => truth),
        frameCount,
      ),
      result: joinCameras(
        cameras.map(({ result }) => result),
        frameCount,
      ),
    },
  ];
  return scenes.map(({ name, truth, result }) => {
    const job = {
      name: `${group} every ${stride} ${name}`,
      truth: join(resultFolder, group, `${name}-${stride}-truth.txt`),
      result: join(resultFolder, group, `${name}-${stride}-result.txt`),
    };
    writeMot(job.truth, truth);
    writeMot(job.result, result);
    return job;
  });
}

function judge(scores: Record<string, Score>): void {
  printScores(scores);
  const broken = brokenPromises(scores);
  console.log(broken.length === 0 ? '\nall targets are met' : `\ntargets missed\n${broken.join('\n')}`);
  if (broken.length > 0) process.exitCode = 1;
}

function printScores(scores: Record<string, Score>, groupsOnly = false): void {
  const columns: (keyof Score)[] = ['hota', 'mota', 'idf1', 'precision', 'recall'];
  console.log(`${''.padEnd(30)}${columns.map((name) => name.toUpperCase().padStart(10)).join('')}  SWITCHES`);
  for (const [name, result] of Object.entries(scores)) {
    const isMember = name.includes(':') && name.split(':')[0]! in scores;
    if (groupsOnly && isMember) continue;
    const figures = columns.map((column) => result[column].toFixed(3).padStart(10)).join('');
    console.log(`${name.padEnd(30)}${figures}${String(result.switches).padStart(10)}`);
  }
}
