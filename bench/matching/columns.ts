// Cuts a picture into the columns that one virtual camera sees. Used by splitView.ts.
import type { RgbImage } from '../../functions/media/resize.ts';

/** `width` columns from `left` on, all rows. */
export function cropColumns(image: RgbImage, { left, width }: { left: number; width: number }): RgbImage {
  const pixels = new Uint8Array(width * image.height * 3);
  for (let y = 0; y < image.height; y++) {
    const from = (y * image.width + left) * 3;
    pixels.set(image.pixels.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height: image.height, pixels };
}
