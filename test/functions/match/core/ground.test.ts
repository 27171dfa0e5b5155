// From pixels to metres, and the error on the way.
import { expect, test } from '@jest/globals';
import { toGround } from '../../../../functions/match/core/ground.ts';

const scaled = [0.02, 0, 1, 0, 0.05, 2, 0, 0, 1];
/** A camera that looks along the ground: what is higher in the picture is farther away. */
const perspective = [0.01, 0, -3.2, 0, 0, 40, 0, 0.01, -1];

test('a plan view only scales and shifts', () => {
  expect(toGround(scaled, 100, 40, 3)).toEqual({ x: 3, y: 4, deviation: expect.closeTo(0.15, 9) });
});

test('in perspective a pixel is worth more metres far away', () => {
  const near = toGround(perspective, 320, 480, 2)!;
  const far = toGround(perspective, 320, 150, 2)!;
  expect(near.y).toBeCloseTo(40 / 3.8, 9);
  expect(far.y).toBeCloseTo(80, 9);
  expect(far.deviation / near.deviation).toBeGreaterThan(20);
});

test('the deviation is that of the worst direction, as small steps show it', () => {
  const at = (x: number, y: number) => toGround(perspective, x, y, 1)!;
  const { x, y, deviation } = at(200, 300);
  const step = 1e-4;
  let worst = 0;
  for (let angle = 0; angle < Math.PI; angle += 0.01) {
    const moved = at(200 + step * Math.cos(angle), 300 + step * Math.sin(angle));
    worst = Math.max(worst, Math.hypot(moved.x - x, moved.y - y) / step);
  }
  expect(deviation).toBeCloseTo(worst, 3);
});

test('there is nothing at the horizon', () => {
  expect(toGround(perspective, 320, 100, 2)).toBeUndefined();
});
