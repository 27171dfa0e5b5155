import { expect, test } from '@jest/globals';
import { fuzz } from './fuzz.ts';

test('a worker survives requests with things wrong, and answers each in one line', async () => {
  const { taken, refused, grownMiB } = await fuzz('worker', { seed: 1, cases: 2500 });
  expect(taken).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(1000);
  expect(grownMiB).toBeLessThan(96);
}, 300_000);

test('a local controller survives requests with things wrong and a false controller', async () => {
  const { taken, refused, grownMiB } = await fuzz('localController', { seed: 1, cases: 2500 });
  expect(taken).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(1000);
  expect(grownMiB).toBeLessThan(96);
}, 300_000);

test('the controller survives strangers and nodes that send nonsense over their link', async () => {
  const { taken, refused, grownMiB } = await fuzz('downstream', { seed: 1, cases: 900 });
  expect(taken).toBeGreaterThan(5);
  expect(refused).toBeGreaterThan(400);
  expect(grownMiB).toBeLessThan(96);
}, 300_000);
