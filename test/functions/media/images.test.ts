import { expect, test } from '@jest/globals';
import sharp, { type Sharp } from 'sharp';
import { PermanentError } from '../../../functions/function.ts';
import { decodeImage, encodeJpeg } from '../../../functions/media/images.ts';

function plain(width: number, height: number, channels: 1 | 3 | 4 = 3, level = 120): Sharp {
  return sharp(Buffer.alloc(width * height * channels, level), { raw: { width, height, channels } });
}

test.each<[string, () => Promise<Buffer>]>([
  ['JPEG', () => plain(40, 30).jpeg().toBuffer()],
  ['PNG', () => plain(40, 30).png().toBuffer()],
  ['WebP', () => plain(40, 30).webp({ lossless: true }).toBuffer()],
  ['a grey JPEG', () => plain(40, 30, 1).toColourspace('b-w').jpeg().toBuffer()],
  ['a PNG of 16 bits', () => plain(40, 30).toColourspace('rgb16').png().toBuffer()],
])('%s becomes RGB', async (_what, encode) => {
  const { pixels, width, height } = await decodeImage(await encode());
  expect([width, height, pixels.byteLength]).toEqual([40, 30, 40 * 30 * 3]);
  for (const value of pixels) expect(Math.abs(value - 120)).toBeLessThanOrEqual(2);
});

test('transparency is laid on black, not kept', async () => {
  const { pixels } = await decodeImage(await plain(4, 4, 4, 0).png().toBuffer());
  expect([...pixels]).toEqual(Array(48).fill(0));
});

test('a picture taken sideways comes out upright', async () => {
  const bytes = await plain(40, 30).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  expect(await decodeImage(bytes)).toMatchObject({ width: 30, height: 40 });
});

test.each<[string, () => Promise<Buffer>, RegExp]>([
  ['an empty body', async () => Buffer.alloc(0), /^picture is empty$/],
  ['noise', async () => Buffer.from('not a picture at all'), /is not JPEG, PNG or WebP$/],
  [
    'SVG',
    async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    /is not JPEG/,
  ],
  ['TIFF', () => plain(9, 9).tiff().toBuffer(), /is not JPEG, PNG or WebP$/],
  ['GIF', () => plain(9, 9).gif().toBuffer(), /is not JPEG, PNG or WebP$/],
  [
    'a JPEG that is cut off',
    async () => (await plain(90, 90).jpeg().toBuffer()).subarray(0, -40),
    /is corrupt or cut off/,
  ],
  [
    'a PNG with a wrong byte',
    async () => flipped(await plain(90, 90).png().toBuffer(), 60),
    /is corrupt or cut off/,
  ],
  ['36 million pixels', gigantic, /has more than 25 million pixels$/],
])('%s is refused for good, in one line', async (_what, make, message) => {
  const error = await decodeImage(await make()).then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error).toBeInstanceOf(PermanentError);
  expect(error!.message).toMatch(message);
  expect(error!.message).not.toContain('\n');
});

test('JPEG that is written can be read', async () => {
  const pixels = new Uint8Array(32 * 16 * 3).fill(77);
  const back = await decodeImage(await encodeJpeg({ pixels, width: 32, height: 16 }));
  expect([back.width, back.height]).toEqual([32, 16]);
  expect(Math.abs(back.pixels[100]! - 77)).toBeLessThanOrEqual(2);
});

function gigantic(): Promise<Buffer> {
  return sharp({ create: { width: 6000, height: 6000, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
}

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at]! ^= 0xff;
  return bytes;
}
