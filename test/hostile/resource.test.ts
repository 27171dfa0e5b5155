import { expect, test } from '@jest/globals';
import { fuzz } from './fuzz.ts';

test('tasks with things wrong, and bombs, become workers or one line for each problem', async () => {
  const { taken, refused, grownMiB } = await fuzz('resource', { seed: 1, cases: 1200, caseLimitMs: 30_000 });
  expect(taken).toBeGreaterThan(10);
  expect(refused).toBeGreaterThan(600);
  expect(grownMiB).toBeLessThan(96);
}, 300_000);
