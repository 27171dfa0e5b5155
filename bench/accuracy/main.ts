// `npm run bench:accuracy`: HOTA, MOTA and IDF1 of detect + track on real video, at full rate and slower, and of identities across two cameras.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveModel } from '../../config/models.ts';
import { compared, shipped } from './configurations.ts';
import { joinCameras, readMot, subsample, writeMot } from './motFiles.ts';
import { score, type Score, type ScoreJob } from './scorer.ts';
import { crowdSequences } from './simulatedCrowd.ts';
import { petsSequences, petsTruth, petsViews, publicSequences, type Sequence } from './sequences.ts';
import { brokenPromises } from './targets.ts';
import { trackSequence } from './trackSequence.ts';

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');

const { values } = parseArgs({
  options: {
    detector: { type: 'string', default: 'rtmdet-nano-person-384x512' },
    strides: { type: 'string', default: '1,3,6' },
    features: { type: 'boolean', default: false },
    identities: { type: 'string' },
    stride: { type: 'string', default: '1' },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:accuracy -- [--detector row] [--strides 1,3,6] [--features] [--cache folder]
                           [--identities folder [--stride n]]
  --features     also plain trackers on the same detections, and each feature left out
  --identities   scores <folder>/left/mot.txt and <folder>/right/mot.txt (MOTChallenge, ids of identities, every
                 --stride-th frame of the two halves of vtest.avi) as one scene, instead of tracking
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

if (values.identities === undefined) await scoreTrackers();
else judge(score(identityJobs(values.identities, Number(values.stride)), values.cache));

async function scoreTrackers(): Promise<void> {
  const model = resolveModel({ name: values.detector }, 'detect');
  const sequences = [
    ...(await petsSequences(dataFolder, model, values.cache)),
    ...crowdSequences(dataFolder),
    ...publicSequences(dataFolder),
  ];
  const strides = values.strides.split(',').map(Number);
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
function identityJobs(folder: string, stride: number): ScoreJob[] {
  const frameCount = Math.ceil(petsFrameCount / stride);
  const cameras = (['left', 'right'] as const).map((name) => ({
    name,
    truth: subsample(petsTruth(dataFolder, petsViews[name]), stride),
    result: readMot(join(folder, name, 'mot.txt')),
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
      name: `identities ${name}`,
      truth: join(resultFolder, 'identities', `${name}-truth.txt`),
      result: join(resultFolder, 'identities', `${name}-result.txt`),
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
