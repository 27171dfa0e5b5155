// Memory that is used again must never be seen by two at a time, and must not grow.
import { expect, test } from '@jest/globals';
import { allocateRgb, releaseRgb, slackBytes, withSlack } from '../../../functions/media/pixels.ts';

test('what was given back is used for the next picture of that size, with its slack', () => {
  const first = allocateRgb(31, 17);
  releaseRgb(first);
  expect(allocateRgb(17, 30)).not.toBe(first);
  const second = allocateRgb(31, 17);
  expect(second).toBe(first);
  expect(second.byteLength).toBe(31 * 17 * 3);
  expect(second.buffer.byteLength - second.byteOffset - second.byteLength).toBeGreaterThanOrEqual(slackBytes);
  expect(withSlack(second)).toBe(second);
});

test('pictures that are in use share no memory', () => {
  const pictures = Array.from({ length: 20 }, () => allocateRgb(33, 9));
  for (const picture of pictures.slice(0, 10)) releaseRgb(picture);
  const inUse = [...pictures.slice(10), ...Array.from({ length: 15 }, () => allocateRgb(33, 9))];
  expect(new Set(inUse.map(({ buffer }) => buffer)).size).toBe(25);
});

test('giving back twice gives it to one only', () => {
  const picture = allocateRgb(29, 7);
  releaseRgb(picture);
  releaseRgb(picture);
  expect(allocateRgb(29, 7)).toBe(picture);
  expect(allocateRgb(29, 7)).not.toBe(picture);
});

test('memory from elsewhere is left alone, a view of a picture too', () => {
  const foreign = new Uint8Array(23 * 5 * 3);
  releaseRgb(foreign);
  expect(allocateRgb(23, 5)).not.toBe(foreign);
  const picture = allocateRgb(23, 5);
  releaseRgb(picture.subarray(0));
  expect(allocateRgb(23, 5)).not.toBe(picture);
});

test('what waits is bounded: the oldest memory goes first', () => {
  const megapixels = Array.from({ length: 12 }, () => allocateRgb(1000, 1000));
  for (const picture of megapixels) releaseRgb(picture);
  const again = Array.from({ length: 12 }, () => allocateRgb(1000, 1000));
  const kept = again.filter((picture) => megapixels.includes(picture));
  expect(kept.length).toBe(Math.floor((32 * 1024 * 1024) / 3e6));
  expect(kept).not.toContain(megapixels[0]);
  expect(kept).toContain(megapixels.at(-1));
});
