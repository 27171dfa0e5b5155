import { expect, test } from '@jest/globals';
import { colourOf, drawBox } from '../../cli/draw.ts';

const blank = (width = 60, height = 80) => ({ pixels: new Uint8Array(width * height * 3), width, height });
const red = [255, 0, 0] as const;

test('a box is an outline with a label above it', () => {
  const picture = blank();
  drawBox(picture, [10, 30, 40, 70], '7', red);
  const at = (x: number, y: number) => [...picture.pixels.subarray((y * 60 + x) * 3, (y * 60 + x) * 3 + 3)];
  expect(at(10, 50)).toEqual([255, 0, 0]);
  expect(at(39, 50)).toEqual([255, 0, 0]);
  expect(at(25, 50)).toEqual([0, 0, 0]);
  expect(at(10, 29)).toEqual([255, 0, 0]);
  expect(at(25, 5)).toEqual([0, 0, 0]);
});

test.each([
  ['outside', [100, 100, 200, 200]],
  ['larger than the picture', [-50, -50, 500, 500]],
  ['at the top edge', [0, 0, 5, 5]],
])('a box %s never writes beyond the picture', (_where, box) => {
  const picture = blank();
  expect(() => drawBox(picture, box, '123', red)).not.toThrow();
  expect(picture.pixels).toHaveLength(60 * 80 * 3);
});

test('neighbouring numbers have clearly different colours', () => {
  for (let number = 1; number < 50; number++) {
    const [a, b] = [colourOf(number), colourOf(number + 1)];
    expect(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])).toBeGreaterThan(80);
  }
});
