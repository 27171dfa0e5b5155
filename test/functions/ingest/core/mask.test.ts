import { expect, test } from '@jest/globals';
import { blank, compileMask, createMasker } from '../../../../functions/ingest/core/mask.ts';

const width = 40;
const height = 30;
const square = [0.25, 0.2, 0.75, 0.2, 0.75, 0.8, 0.25, 0.8];
const triangle = [0.5, 0.1, 0.9, 0.9, 0.1, 0.9];
const star = [0.5, 0, 0.8, 1, 0, 0.35, 1, 0.35, 0.2, 1];
const beyond = [-0.5, -0.5, 0.3, -0.5, 0.3, 1.5, -0.5, 1.5];

/** The picture a mask leaves: one character per pixel. */
function picture(polygons: number[][], w = width, h = height): string[] {
  const pixels = new Uint8Array(w * h * 3).fill(255);
  blank(pixels, compileMask(polygons, w, h));
  return [...Array(h).keys()].map((row) =>
    [...Array(w).keys()].map((column) => (pixels[(row * w + column) * 3] === 0 ? '#' : '.')).join(''),
  );
}

/** Even-odd rule at a pixel's centre, by counting the edges to the left of it. */
function inside(polygon: number[], x: number, y: number): boolean {
  let odd = false;
  for (let at = 0; at < polygon.length; at += 2) {
    const next = (at + 2) % polygon.length;
    const [x0, y0, x1, y1] = [polygon[at]!, polygon[at + 1]!, polygon[next]!, polygon[next + 1]!];
    if (y0 <= y !== y1 <= y && x0 + ((y - y0) / (y1 - y0)) * (x1 - x0) < x) odd = !odd;
  }
  return odd;
}

test.each<[string, number[][]]>([
  ['a square', [square]],
  ['a triangle', [triangle]],
  ['a star whose middle is not inside', [star]],
  ['beyond the picture', [beyond]],
  ['two that overlap', [square, triangle]],
  ['a line', [[0.1, 0.5, 0.9, 0.5]]],
  ['nothing', []],
])('exactly the pixels whose centre is inside are blanked: %s', (_what, polygons) => {
  const expected = [...Array(height).keys()].map((row) =>
    [...Array(width).keys()]
      .map((column) =>
        polygons.some((polygon) => inside(polygon, (column + 0.5) / width, (row + 0.5) / height)) ? '#' : '.',
      )
      .join(''),
  );
  expect(picture(polygons)).toEqual(expected);
});

test('a zone that covers all leaves no pixel', () => {
  expect(picture([[0, 0, 1, 0, 1, 1, 0, 1]]).join('')).not.toContain('.');
});

test('runs are ascending and do not overlap', () => {
  const spans = compileMask([square, triangle, star], width, height);
  for (let at = 1; at < spans.length; at++) expect(spans[at]!).toBeGreaterThan(spans[at - 1]!);
});

test('a camera that changes its resolution keeps its zones', () => {
  const mask = createMasker([square]);
  for (const [w, h] of [
    [40, 30],
    [80, 60],
    [40, 30],
  ] as const) {
    const pixels = new Uint8Array(w * h * 3).fill(255);
    mask({ pixels, width: w, height: h });
    const blanked = pixels.filter((value) => value === 0).length;
    expect(blanked / pixels.length).toBeCloseTo(0.3, 5);
  }
});
