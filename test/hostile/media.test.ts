import { expect, test } from '@jest/globals';
import { fuzz } from './fuzz.ts';

test('pictures with things wrong, and bombs, are decoded within limits or refused in one line', async () => {
  const { taken, refused, grownMiB } = await fuzz('picture', { seed: 1, cases: 3000, caseLimitMs: 30_000 });
  expect(taken).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(1500);
  expect(grownMiB).toBeLessThan(96);
}, 300_000);

test('recordings with things wrong give frames or one line', async () => {
  const { taken, refused, grownMiB } = await fuzz('film', { seed: 1, cases: 600, caseLimitMs: 40_000 });
  expect(taken).toBeGreaterThan(50);
  expect(refused).toBeGreaterThan(50);
  expect(grownMiB).toBeLessThan(128);
}, 300_000);

test('models with things wrong give vectors or one line, and no crash', async () => {
  const { taken, refused, grownMiB } = await fuzz('model', { seed: 1, cases: 120, caseLimitMs: 60_000 });
  expect(taken + refused).toBe(120);
  expect(refused).toBeGreaterThan(30);
  expect(grownMiB).toBeLessThan(256);
}, 300_000);
