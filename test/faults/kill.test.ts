// kill -9 of every process, at any moment of a run: the identities of the end are those of an undisturbed run.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { random } from '../functions/match/world.ts';
import { Fleet } from './fleet.ts';
import { compileProgram, type Program } from './program.ts';
import {
  makeSample,
  planOf,
  repeatedLines,
  resultsOf,
  untilCompleted,
  type Results,
  type Sample,
} from './sample.ts';

const deadlineMs = 60_000;
let program: Program;
let sample: Sample;
/** Of an undisturbed run, by packing. */
const calm = new Map<string, { results: Results; lengthMs: number }>();

beforeAll(async () => {
  program = compileProgram();
  sample = await makeSample(8);
}, 60_000);
afterAll(() => {
  sample.remove();
  program.remove();
});

/** A whole run; `disturb` is called once everything listens. */
async function run(name: string, packing: string, disturb: (fleet: Fleet) => Promise<void>) {
  const folder = join(sample.folder, name);
  mkdirSync(folder);
  const fleet = await Fleet.start(planOf(sample, folder, { packing }), { host: program.host, folder });
  const began = performance.now();
  try {
    await disturb(fleet);
    await untilCompleted(folder, deadlineMs);
    const lengthMs = performance.now() - began;
    await fleet.stop();
    return { results: resultsOf(folder), repeated: repeatedLines(folder), lengthMs };
  } finally {
    await fleet.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function undisturbed(packing: string) {
  if (!calm.has(packing)) calm.set(packing, await run(`calm-${packing}`, packing, async () => undefined));
  return calm.get(packing)!;
}

test('the run that is disturbed has people to lose', async () => {
  const { results } = await undisturbed('PerNode');
  expect(results.tracks.length).toBeGreaterThan(3);
  expect(new Set(results.tracks.map(({ identity }) => identity)).size).toBeGreaterThan(2);
  expect(new Set(results.tracks.map(({ camera }) => camera)).size).toBe(2);
  expect(results.prototypes.length).toBeGreaterThan(5);
}, 120_000);

const seeds = Array.from({ length: 20 }, (_, i) => ({
  seed: i + 1,
  packing: i % 3 === 2 ? 'PerStage' : 'PerNode',
}));

test.each(seeds)(
  'seed $seed, $packing',
  async ({ seed, packing }) => {
    const expected = await undisturbed(packing);
    const next = random(seed * 7919);
    const { results, repeated } = await run(`seed-${seed}`, packing, async (fleet) => {
      const moments = Array.from({ length: 1 + Math.floor(next() * 2) }, () => next() * expected.lengthMs);
      let now = 0;
      for (const moment of moments.sort((a, b) => a - b)) {
        const victim = fleet.workers[Math.floor(next() * fleet.workers.length)]!;
        await new Promise((resolve) => setTimeout(resolve, moment - now));
        now = moment;
        fleet.kill(victim);
      }
    });
    expect(results).toEqual(expected.results);
    expect(repeated).toEqual([]);
  },
  120_000,
);
