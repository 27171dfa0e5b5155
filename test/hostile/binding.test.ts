import { expect, test } from '@jest/globals';
import { fuzz } from './fuzz.ts';

test('requests with things wrong are taken or refused in one line, and nothing is kept of them', async () => {
  const { taken, refused, grownMiB } = await fuzz('binding', { seed: 1, cases: 6000 });
  expect(taken).toBeGreaterThan(300);
  expect(refused).toBeGreaterThan(2000);
  expect(grownMiB).toBeLessThan(48);
}, 240_000);
