// kill -9 of every process, at any moment of a run: the identities of the end are those of an undisturbed run.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { random } from '../functions/match/world.ts';
import type { Fault } from './catalogue.ts';
import { EdgeNode } from './edgeNode.ts';
import { Runs, until } from './run.ts';
import { resultsOf } from './sample.ts';

const localController = 'the local controller';
const link = 'the controller at the other end of its link';

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
  configured: i % 2 === 1 ? 'by a local controller' : 'by mounted files',
}));

describe('kill -9 of any process, at any moment' satisfies Fault, () => {
  test.each(seeds)(
    'seed $seed, $packing, configured $configured',
    async ({ seed, packing, configured }) => {
      const expected = await runs.calm(packing);
      const next = random(seed * 7919);
      const moments = Array.from({ length: 1 + Math.floor(next() * 2) }, () => next() * expected.lengthMs);
      const node =
        configured === 'by a local controller'
          ? await EdgeNode.start(runs.program.localController)
          : undefined;
      // Some of them while the local controller is away: then workers start with what is mounted.
      const onNode = node ? [next() * 0.8, next() * 0.8].map((share) => share * moments.at(-1)!) : [];
      try {
        const { results, repeated } = await runs.run(
          `seed-${seed}`,
          async ({ fleet }) => {
            const deaths = [
              ...moments.map((at) => ({ at, of: pick(fleet.workers, next) })),
              ...onNode.map((at, i) => ({
                at,
                of: i === 0 ? localController : pick([localController, link], next),
              })),
            ];
            let now = 0;
            for (const { at, of } of deaths.sort((a, b) => a.at - b.at)) {
              await new Promise((resolve) => setTimeout(resolve, at - now));
              now = at;
              if (of === localController) await node!.kill(next() * 1500);
              else if (of === link) await node!.cut();
              else fleet.kill(of);
            }
            expect(fleet.kills).toBe(moments.length);
            expect((node?.counts.kills ?? 0) + (node?.counts.cuts ?? 0)).toBe(onNode.length);
          },
          { packing, ...(node && { node }) },
        );
        expect(results).toEqual(expected.results);
        expect(repeated).toEqual([]);
        if (node) expect(node.log).toMatch(/connected to the controller/);
      } finally {
        await node?.stop();
      }
    },
    120_000,
  );
});

test(
  'a stage is killed while the local controller is away, and starts without knowing its cameras' satisfies Fault,
  async () => {
    const node = await EdgeNode.start(runs.program.localController);
    try {
      const { results, repeated } = await runs.run(
        'unknown',
        async ({ fleet, folder }) => {
          await until(() => isSomebodyStored(folder), 'somebody is stored');
          // Until frames of the middle of a recording have come to a worker that has not heard of the camera.
          await node.kill(3000);
          for (const stage of ['fault-detect', 'fault-embed']) fleet.kill(stage);
          await fleet.listening('fault-detect');
          await until(
            () => /starting with the mounted/.test(fleet.log('fault-detect')),
            'it knows no camera',
          );
        },
        { packing: 'PerStage', node },
      );
      expect(results).toEqual((await runs.calm('PerStage')).results);
      expect(repeated).toEqual([]);
    } finally {
      await node.stop();
    }
  },
  120_000,
);

function isSomebodyStored(folder: string): boolean {
  try {
    return resultsOf(folder).tracks.length > 0;
  } catch {
    return false;
  }
}

function pick(names: readonly string[], next: () => number): string {
  return names[Math.floor(next() * names.length)]!;
}
