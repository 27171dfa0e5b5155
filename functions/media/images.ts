// Decodes pictures that strangers send and encodes those we keep, for ingest, detect's results and the matcher's targets. sharp, with every loader but three blocked.
import sharp from 'sharp';
import { PermanentError } from '../function.ts';
import { maxPixels } from './libav.ts';
import type { RgbImage } from './resize.ts';

sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
});
// Frames are handled side by side already; libvips' own threads and cache would only compete with inference.
sharp.concurrency(1);
sharp.cache(false);

const timeoutS = 10;

/**
 * Decodes JPEG, PNG or WebP to RGB, upright, without alpha.
 * @throws PermanentError one line: another format, corrupt or cut off, more than 25 million pixels
 */
export async function decodeImage(bytes: Uint8Array): Promise<RgbImage> {
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, failOn: 'warning' })
      .timeout({ seconds: timeoutS })
      .autoOrient()
      .flatten({ background: '#000' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`${info.channels} channels`);
    return { pixels: data, width: info.width, height: info.height };
  } catch (error) {
    throw new PermanentError(imageReason(error as Error, bytes), { cause: error });
  }
}

/** @param quality 1..100 */
export async function encodeJpeg({ pixels, width, height }: RgbImage, quality = 85): Promise<Uint8Array> {
  return await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
}

function imageReason(error: Error, bytes: Uint8Array): string {
  const size = `${bytes.byteLength} bytes`;
  if (bytes.byteLength === 0) return 'picture is empty';
  if (/pixel limit/i.test(error.message))
    return `picture (${size}) has more than ${maxPixels / 1e6} million pixels`;
  if (/unsupported image format|blocked/i.test(error.message))
    return `picture (${size}) is not JPEG, PNG or WebP`;
  if (/timeout/i.test(error.message)) return `picture (${size}) took more than ${timeoutS} s to decode`;
  return `picture (${size}) is corrupt or cut off: ${error.message.split('\n')[0]}`;
}
