// `npm run bench:tracker`: our tracker beside Python trackers on identical detections in one run: accuracy, time, and memory over a million frames.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { subsample, writeMot } from '../accuracy/motFiles.ts';
import { score, type Score, type ScoreJob } from '../accuracy/scorer.ts';
import { publicSequences } from '../accuracy/sequences.ts';
import { crowdSequences } from '../accuracy/simulatedCrowd.ts';
import { machineShape, markdownTable, median, medianWithRange } from '../machine.ts';
import { runOurs } from './ours.ts';
import { peerNames, peerPython, runPeer, type TrackerRun } from './peers.ts';
import type { SoakPoint } from './soak.ts';

const { values } = parseArgs({
  options: {
    strides: { type: 'string', default: '1,3,6' },
    rounds: { type: 'string', default: '3' },
    frames: { type: 'string', default: '1000000' },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:tracker -- [--strides 1,3,6] [--rounds n] [--frames n of the long run] [--cache folder]
Needs ../shared (SHARED_DIR), python3 with venv, and PyPI on the first run.`);
  process.exit(0);
}
const dataFolder = join(process.env['SHARED_DIR'] ?? '../shared', 'data');
if (!existsSync(join(dataFolder, 'mot15'))) {
  console.error(
    `tracker: ${join(dataFolder, 'mot15')} is missing: set SHARED_DIR to the folder that holds data/`,
  );
  process.exit(1);
}
const leastSpeedRatio = 4;
/** What the collector has not tidied yet at the tenth of the run that the rest is compared with. */
const growthBytes = 2 ** 20;
const ours = 'ours';
const broken: string[] = [];

const python = peerPython(values.cache);
const sequences = publicSequences(dataFolder);
console.log(machineShape());
for (const stride of values.strides.split(',').map(Number)) compareAccuracy(stride);
compareSpeed();
longRun();
console.log(broken.length === 0 ? '\nall targets are met' : `\ntargets missed\n${broken.join('\n')}`);
if (broken.length > 0) process.exitCode = 1;

/** Peers both at bare defaults and told the frame rate and times: whatever is better for them counts. */
function compareAccuracy(stride: number): void {
  const runs = new Map<string, TrackerRun>([[ours, runOurs(sequences, stride)]]);
  // As if nobody had told the tracker how these detections are scored.
  runs.set('ours, all at defaults', runOurs(untold(), stride));
  for (const peer of peerNames) {
    runs.set(peer, runPeer(python, peer, sequences, stride, false));
    if (canBeTold(peer)) runs.set(`${peer}, told the rate`, runPeer(python, peer, sequences, stride, true));
  }
  const scores = score(
    [...runs].flatMap(([name, { rows }]) => jobsOf(name, rows, stride)),
    values.cache,
  );
  console.log(`\nMOT15, ${sequences.length} sequences, public detections, every ${stride}. frame\n`);
  const table = [...runs.keys()].map((name) => [name, ...figures(scores[name]!)]);
  console.log(markdownTable(['tracker', 'HOTA', 'IDF1', 'MOTA', 'id switches'], table));
  for (const measure of ['hota', 'idf1'] as const) {
    const best = [...runs.keys()]
      .filter((name) => !name.startsWith(ours))
      .reduce((one, other) => (scores[other]![measure] > scores[one]![measure] ? other : one));
    const [own, theirs] = [scores[ours]![measure], scores[best]![measure]];
    if (own < theirs)
      broken.push(`every ${stride}: ${measure} ${own.toFixed(4)}, ${best} has ${theirs.toFixed(4)}`);
  }
}

function untold() {
  return sequences.map((sequence) => ({ ...sequence, tracker: {} }));
}

function canBeTold(peer: string): boolean {
  return !peer.startsWith('norfair');
}

function jobsOf(tracker: string, rows: TrackerRun['rows'], stride: number): ScoreJob[] {
  return sequences.map(({ name, truth }) => {
    const member = name.split(':')[1]!;
    const folder = join(values.cache, 'tracker', `every-${stride}`);
    const truthPath = join(folder, 'truth', `${member}.txt`);
    const result = join(folder, tracker.replaceAll(/\W+/g, '-'), `${member}.txt`);
    writeMot(truthPath, subsample(truth, stride));
    writeMot(result, rows.get(name)!);
    return { name: `${tracker}:${member}`, truth: truthPath, result };
  });
}

function figures({ hota, idf1, mota, switches }: Score): string[] {
  return [...[hota, idf1, mota].map((value) => value.toFixed(3)), String(switches)];
}

/** Turn about within each round, one thread each, so that whatever slows the machine slows both. */
function compareSpeed(): void {
  const scenes = [
    { name: 'MOT15', of: sequences, passes: 3 },
    { name: 'crowd', of: crowdSequences(dataFolder), passes: 10 },
  ].filter(({ of }) => of.length > 0);
  for (const { name, of, passes } of scenes) {
    const microseconds = new Map<string, number[]>();
    const memory = new Map<string, number>();
    const ratios: number[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const take = (tracker: string, run: TrackerRun) => {
        const perFrame = (run.seconds / run.frames) * 1e6;
        microseconds.set(tracker, [...(microseconds.get(tracker) ?? []), perFrame]);
        memory.set(tracker, run.residentBytes);
        return perFrame;
      };
      const own = take(ours, ownProcess(name, passes));
      const theirs = peerNames.map((peer) => take(peer, runPeer(python, peer, of, 1, false, passes)));
      ratios.push(Math.min(...theirs) / own);
    }
    const boxes = of.flatMap(({ detections }) => detections).map(({ count }) => count);
    const perFrame = boxes.reduce((sum, count) => sum + count, 0) / boxes.length;
    console.log(
      `\n${name}, ${perFrame.toFixed(1)} detections a frame, one thread, ${passes} passes from a cold start\n`,
    );
    const rows = [...microseconds].map(([tracker, numbers]) => [
      tracker,
      medianWithRange(numbers, 0),
      (memory.get(tracker)! / 2 ** 20).toFixed(0),
    ]);
    console.log(markdownTable(['tracker', 'us a frame', 'MiB of the process'], rows));
    console.log(`\nours to the fastest: ${medianWithRange(ratios, 1)} times as fast`);
    if (median(ratios) < leastSpeedRatio)
      broken.push(`${name}: ${median(ratios).toFixed(1)} times as fast, ${leastSpeedRatio} are wanted`);
  }
}

function ownProcess(scene: string, passes: number): TrackerRun {
  const script = join(import.meta.dirname, 'timing.ts');
  const answer = runNode([script, dataFolder, scene, String(passes)]);
  return { ...(JSON.parse(answer) as Omit<TrackerRun, 'rows'>), rows: new Map() };
}

function longRun(): void {
  const answer = runNode(['--expose-gc', join(import.meta.dirname, 'soak.ts'), dataFolder, values.frames]);
  const points = answer
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SoakPoint);
  console.log(`\none tracker, ${values.frames} frames of MOT15 in a loop\n`);
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(2);
  const rows = points.map((point) => [
    String(point.frames),
    mebibytes(point.heapBytes + point.arrayBytes),
    (point.residentBytes / 2 ** 20).toFixed(0),
    String(point.tracks),
    String(point.lastId),
  ]);
  console.log(
    markdownTable(['frames', 'MiB counted', 'MiB resident', 'tracks held', 'ids given so far'], rows),
  );
  const counted = points.map(({ heapBytes, arrayBytes }) => heapBytes + arrayBytes);
  const growth = Math.max(...counted.slice(1)) - counted[0]!;
  if (growth > growthBytes) broken.push(`memory grew by ${mebibytes(growth)} MiB after the first tenth`);
}

function runNode(given: string[]): string {
  const run = spawnSync(process.execPath, ['--import', 'tsx', ...given], {
    encoding: 'utf8',
    timeout: 480_000,
  });
  if (run.status !== 0)
    throw new Error(`${given.join(' ')} failed (${run.error?.message ?? run.status}): ${run.stderr}`);
  return run.stdout;
}
