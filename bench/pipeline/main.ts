// `npm run bench:pipeline`: frames/s and memory of the edge stages, PerNode and PerStage, for one and more cameras, beside the floor of
// the same decoding and the same inference with nothing around them, in one run.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineShape, markdownTable, median, medianWithRange } from '../machine.ts';
import { shortened } from './clip.ts';
import { measureFloor, type Floor } from './floor.ts';
import { measurePacking, type Measurement, type Packing } from './packings.ts';

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');

const { values } = parseArgs({
  options: {
    video: { type: 'string', default: join(shared, 'data/pets09-s2l1/vtest.avi') },
    detector: { type: 'string', default: 'rtmdet-nano-person-384x512' },
    embedder: { type: 'string', default: 'reid-0286' },
    cameras: { type: 'string', default: '1,4,8' },
    frames: { type: 'string' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:pipeline -- [--video file] [--detector row] [--embedder row] [--cameras 1,4,8] [--frames n of each camera]
  [--threads n] [--rounds n] [--cache folder]
Needs ../shared (SHARED_DIR) unless video and models are given; own models: MODELS_DIR.`);
  process.exit(0);
}

/** Shares of the floor with one camera, and MiB: what is promised. */
const least: Record<Packing, number> = { PerNode: 0.92, PerStage: 0.75 };
const mostMiBPerCamera = 25;
const packings = ['PerNode', 'PerStage'] as const;

const video =
  values.frames === undefined
    ? values.video
    : await shortened(values.video, Number(values.frames), values.cache);
const setting = {
  video,
  detector: values.detector,
  embedder: values.embedder,
  threads: Number(values.threads),
};
const cameraCounts = values.cameras.split(',').map(Number);
const floors: Floor[] = [];
const measured = new Map<string, Measurement[]>();
const broken: string[] = [];

console.log(machineShape());
console.log(`${video}, ${setting.detector} + ${setting.embedder}, ${setting.threads} threads a session`);
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const cameras of cameraCounts) {
    for (const packing of packings) {
      const found = await measurePacking(packing, { ...setting, cameras });
      const key = `${packing} ${cameras}`;
      measured.set(key, [...(measured.get(key) ?? []), found]);
    }
  }
  const like = measured.get(`PerNode ${cameraCounts[0]}`)!.at(-1)!;
  floors.push(await measureFloor(setting, like));
}
printTable();
printMemory();
await printBandwidth();
console.log(broken.length === 0 ? '\nall targets are met' : `\ntargets missed\n${broken.join('\n')}`);
if (broken.length > 0) process.exitCode = 1;

function printTable(): void {
  const floorRates = floors.map(({ framesPerSecond }) => framesPerSecond);
  const rows = [['floor', '1', medianWithRange(floorRates, 1), '1.00', '', '']];
  for (const packing of packings) {
    for (const cameras of cameraCounts) {
      const runs = measured.get(`${packing} ${cameras}`)!;
      const ratios = runs.map(({ framesPerSecond }, round) => framesPerSecond / floorRates[round]!);
      const perCore = runs.map(({ frames, processorSeconds }) => frames / processorSeconds);
      rows.push([
        packing,
        String(cameras),
        medianWithRange(
          runs.map(({ framesPerSecond }) => framesPerSecond),
          1,
        ),
        median(ratios).toFixed(2),
        medianWithRange(perCore, 1),
        medianWithRange(
          runs.map(({ residentMiB }) => residentMiB),
          0,
        ),
      ]);
      if (cameras === 1 && median(ratios) < least[packing])
        broken.push(`${packing}: ${median(ratios).toFixed(2)} of the floor, ${least[packing]} are wanted`);
    }
  }
  console.log(
    `\n${markdownTable(['way', 'cameras', 'frames/s', 'to the floor', 'frames per core-second', 'most MiB'], rows)}`,
  );
  const part = (name: 'decode' | 'detect' | 'embed') =>
    `${name} ${median(floors.map((floor) => floor[name])).toFixed(2)} ms`;
  console.log(`\na frame of the floor: ${part('decode')}, ${part('detect')}, ${part('embed')}`);
}

function printMemory(): void {
  const [fewest, most] = [Math.min(...cameraCounts), Math.max(...cameraCounts)];
  if (fewest === most) return;
  for (const packing of packings) {
    const of = (cameras: number) => measured.get(`${packing} ${cameras}`)!;
    const each = of(most).map(
      ({ residentMiB }, round) => (residentMiB - of(fewest)[round]!.residentMiB) / (most - fewest),
    );
    console.log(`${packing}, each camera more: ${medianWithRange(each, 1)} MiB`);
    if (packing === 'PerNode' && median(each) > mostMiBPerCamera)
      broken.push(`${packing}: ${median(each).toFixed(1)} MiB a camera, at most ${mostMiBPerCamera}`);
  }
}

async function printBandwidth(): Promise<void> {
  const cameras = cameraCounts[0]!;
  const last = measured.get(`PerNode ${cameras}`)!.at(-1)!;
  const seconds = last.frames / cameras / 7;
  const videoBits = ((await stat(video)).size * 8) / seconds;
  const perPersonSecond = last.cloudBytes / last.personSeconds;
  const perCamera = (last.cloudBytes * 8) / 1000 / seconds / cameras;
  console.log(
    `to the cloud: ${perPersonSecond.toFixed(0)} bytes per person-second (${((perPersonSecond * 8) / 1000).toFixed(2)} kbit/s a person, ` +
      `${perCamera.toFixed(1)} kbit/s a camera); the video itself ${(videoBits / 1000).toFixed(0)} kbit/s`,
  );
}
