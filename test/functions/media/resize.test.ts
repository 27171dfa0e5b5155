import { expect, test } from '@jest/globals';
import { cropResize, resizeRgb, type RgbImage } from '../../../functions/media/resize.ts';

/** Red rises to the right, green downwards, blue is constant. */
function ramp(width: number, height: number): RgbImage {
  const pixels = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      pixels.set([column * 2, row * 2, 77], (row * width + column) * 3);
    }
  }
  return { pixels, width, height };
}

function at(pixels: Uint8Array, width: number, column: number, row: number): number[] {
  return [...pixels.subarray((row * width + column) * 3, (row * width + column) * 3 + 3)];
}

test.each([
  ['wide', 100, 50, 64, 64, 64, 32],
  ['tall', 50, 100, 64, 64, 32, 64],
  ['the same shape', 100, 50, 50, 25, 50, 25],
  ['enlarged', 10, 20, 64, 64, 32, 64],
  ['odd', 97, 53, 61, 47, 61, 33],
])(
  'letterbox keeps the shape at the top left on grey: %s',
  async (_what, w, h, tw, th, innerWidth, innerHeight) => {
    const image = { pixels: new Uint8Array(w * h * 3).fill(200), width: w, height: h };
    const { pixels, scaleX, scaleY } = await resizeRgb(image, { width: tw, height: th }, 'letterbox');
    expect([scaleX * w, scaleY * h].map(Math.round)).toEqual([innerWidth, innerHeight]);
    for (let row = 0; row < th; row++) {
      for (let column = 0; column < tw; column++) {
        const level = column < innerWidth && row < innerHeight ? 200 : 114;
        expect(at(pixels, tw, column, row)).toEqual([level, level, level]);
      }
    }
  },
);

test('stretch fills the target and says both scales', async () => {
  const { pixels, scaleX, scaleY } = await resizeRgb(ramp(100, 50), { width: 50, height: 50 }, 'stretch');
  expect([scaleX, scaleY]).toEqual([0.5, 1]);
  expect(pixels.byteLength).toBe(50 * 50 * 3);
  expect(at(pixels, 50, 0, 0)[0]).toBeLessThan(4);
  expect(at(pixels, 50, 49, 49)[0]).toBeGreaterThan(194);
});

test('shrinking averages areas, so that nothing is lost between the samples', async () => {
  const pixels = new Uint8Array(8 * 8 * 3);
  for (let pixel = 0; pixel < 64; pixel++) pixels.fill(pixel % 2 === 0 ? 0 : 200, pixel * 3, pixel * 3 + 3);
  const small = await resizeRgb({ pixels, width: 8, height: 8 }, { width: 4, height: 4 }, 'stretch');
  for (const value of small.pixels) expect(Math.abs(value - 100)).toBeLessThanOrEqual(1);
});

test('enlarging interpolates: a ramp stays a ramp', async () => {
  const { pixels } = await resizeRgb(ramp(20, 20), { width: 80, height: 80 }, 'stretch');
  for (let column = 4; column < 76; column++) {
    const expected = ((column + 0.5) / 4 - 0.5) * 2;
    expect(Math.abs(at(pixels, 80, column, 40)[0]! - expected)).toBeLessThanOrEqual(1.5);
  }
});

test('the same picture gives the same bytes, also when many are resized at once', async () => {
  const image = ramp(120, 90);
  const target = { width: 77, height: 61 };
  const [first, ...others] = await Promise.all(
    Array.from({ length: 8 }, () => resizeRgb(image, target, 'letterbox')),
  );
  for (const other of others) expect(Buffer.compare(other.pixels, first!.pixels)).toBe(0);
});

test('crops are cut where the box is, in order, each in memory of its own', async () => {
  const boxes = Float32Array.of(10, 20, 30, 60, 60, 0, 100, 40);
  const [first, second] = await cropResize(ramp(100, 80), boxes, { width: 20, height: 40 });
  expect(at(first!, 20, 0, 0)).toEqual([20, 40, 77]);
  expect(at(first!, 20, 19, 39)).toEqual([58, 118, 77]);
  expect(at(second!, 20, 0, 0)[1]).toBeLessThan(3);
  expect(second!.buffer).not.toBe(first!.buffer);
});

test.each([
  ['over the border', [-20, -20, 300, 300]],
  ['outside', [500, 500, 600, 600]],
  ['empty', [50, 20, 50, 20]],
  ['less than a pixel', [10.2, 10.2, 10.4, 10.4]],
])('a box %s is clipped, never an error', async (_what, box) => {
  const image = { pixels: new Uint8Array(100 * 80 * 3).fill(9), width: 100, height: 80 };
  const [crop] = await cropResize(image, Float32Array.from(box), { width: 8, height: 16 });
  expect([...crop!]).toEqual(Array(8 * 16 * 3).fill(9));
});
