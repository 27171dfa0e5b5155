import { expect, test } from '@jest/globals';
import { colourLength, describeColours } from '../../../../functions/detect/core/appearance.ts';

type Colour = [red: number, green: number, blue: number];

const width = 60;
const height = 90;

/** Columns of 20 pixels, each with its colours from head to feet in thirds of 30 rows. */
function paint(columns: Colour[][]): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      rgb.set(columns[Math.floor(x / 20)]![Math.floor(y / 30)]!, (y * width + x) * 3);
  }
  return rgb;
}

function compare(columns: Colour[][]): number[] {
  const boxes = Float32Array.from([0, 0, 20, 90, 20, 0, 40, 90, 40, 0, 60, 90]);
  const signatures = describeColours(
    paint(columns),
    { width, height },
    { boxes, scores: new Float32Array(3), count: 3 },
  );
  expect(signatures).toHaveLength(3 * colourLength);
  const row = (k: number) => [...signatures.subarray(k * colourLength, (k + 1) * colourLength)];
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
  expect(dot(row(0), row(0))).toBeCloseTo(1, 5);
  return [dot(row(0), row(1)), dot(row(0), row(2))];
}

const red: Colour = [200, 20, 20];
const blue: Colour = [20, 20, 200];
const black: Colour = [10, 10, 10];
const white: Colour = [240, 240, 240];

test('the same clothes are alike, others are not', () => {
  const [same, other] = compare([
    [black, red, blue],
    [black, red, blue],
    [white, blue, red],
  ]);
  expect(same).toBeCloseTo(1, 5);
  expect(other).toBeLessThan(0.5);
});

test('swapping shirt and trousers makes a difference', () => {
  const [swapped] = compare([
    [black, red, blue],
    [black, blue, red],
    [black, red, blue],
  ]);
  expect(swapped).toBeLessThan(0.6);
});

test('a little less light matters less than another colour', () => {
  const [darker, other] = compare([
    [black, red, white],
    [black, [160, 16, 16], [200, 200, 200]],
    [black, blue, white],
  ]);
  expect(darker).toBeGreaterThan(0.85);
  expect(other).toBeLessThan(darker!);
});

test('boxes over the border and without area are described without reading outside', () => {
  const boxes = Float32Array.from([-50, -50, 300, 300, 60, 90, 60, 90]);
  const plain: Colour[] = [red, red, red];
  const signatures = describeColours(
    paint([plain, plain, plain]),
    { width, height },
    { boxes, scores: new Float32Array(2), count: 2 },
  );
  expect(signatures.every(Number.isFinite)).toBe(true);
});

test('no detections, no signatures', () => {
  expect(
    describeColours(
      new Uint8Array(0),
      { width: 0, height: 0 },
      { boxes: new Float32Array(0), scores: new Float32Array(0), count: 0 },
    ),
  ).toHaveLength(0);
});
