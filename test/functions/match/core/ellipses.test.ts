// The test of contact in the picture, against drawing both ellipses pixel by pixel.
import { expect, test } from '@jest/globals';
import { ellipsesTouch, type Feet } from '../../../../functions/match/core/ellipses.ts';

function pixelsOf({ x, y, width }: Feet): Set<string> {
  const down = Math.floor(width / 2);
  const pixels = new Set<string>();
  for (let dy = -down; dy <= down; dy++) {
    for (let dx = -width; dx <= width; dx++) {
      const inside = down === 0 ? dy === 0 : (dx / width) ** 2 + (dy / down) ** 2 <= 1 + 1e-9;
      if (inside) pixels.add(`${x + dx},${y + dy}`);
    }
  }
  return pixels;
}

test('gives what drawing gives, for a thousand pairs around the limit', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  let touching = 0;
  for (let i = 0; i < 1000; i++) {
    const a = { x: 100, y: 100, width: 1 + random(20) };
    const b = { x: 100 + random(45) - 22, y: 100 + random(30) - 15, width: 1 + random(20) };
    const other = pixelsOf(b);
    const expected = [...pixelsOf(a)].some((pixel) => other.has(pixel));
    expect([a, b, ellipsesTouch(a, b)]).toEqual([a, b, expected]);
    if (expected) touching += 1;
  }
  expect(touching).toBeGreaterThan(200);
  expect(touching).toBeLessThan(900);
});
