// kill -9 of every process, at any moment of a run: the identities of the end are those of an undisturbed run.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { random } from '../functions/match/world.ts';
import type { Fault } from './catalogue.ts';
import { Runs } from './run.ts';

let runs: Runs;
beforeAll(async () => {
  runs = await Runs.prepare();
}, 60_000);
afterAll(() => runs.close());

test('the run that is disturbed has people to lose', async () => {
  const { tracks, prototypes } = (await runs.calm()).results;
  expect(tracks.length).toBeGreaterThan(3);
  expect(new Set(tracks.map(({ identity }) => identity)).size).toBeGreaterThan(2);
  expect(new Set(tracks.map(({ camera }) => camera)).size).toBe(2);
  expect(prototypes.length).toBeGreaterThan(5);
}, 120_000);

const seeds = Array.from({ length: 20 }, (_, i) => ({
  seed: i + 1,
  packing: i % 3 === 2 ? 'PerStage' : 'PerNode',
}));

describe('kill -9 of any process, at any moment' satisfies Fault, () => {
  test.each(seeds)(
    'seed $seed, $packing',
    async ({ seed, packing }) => {
      const expected = await runs.calm(packing);
      const next = random(seed * 7919);
      const moments = Array.from({ length: 1 + Math.floor(next() * 2) }, () => next() * expected.lengthMs);
      const { results, repeated } = await runs.run(
        `seed-${seed}`,
        async ({ fleet }) => {
          let now = 0;
          for (const moment of moments.sort((a, b) => a - b)) {
            const victim = fleet.workers[Math.floor(next() * fleet.workers.length)]!;
            await new Promise((resolve) => setTimeout(resolve, moment - now));
            now = moment;
            fleet.kill(victim);
          }
          expect(fleet.kills).toBe(moments.length);
        },
        { packing },
      );
      expect(results).toEqual(expected.results);
      expect(repeated).toEqual([]);
    },
    120_000,
  );
});
