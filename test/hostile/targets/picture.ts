// Pictures as a camera that somebody else owns may push them: broken, lying about their size, two kinds at once, bombs.
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { PermanentError } from '../../../functions/function.ts';
import { imageTypeOf } from '../../../functions/ingest/core/imageType.ts';
import { decodeImage } from '../../../functions/media/images.ts';
import { mutateBytes, type Dice } from '../mutations.ts';
import { checkRefusal, type OpenTarget } from '../target.ts';

const mostPixels = 25_000_000;

export const open: OpenTarget = async () => {
  const good = await goodPictures();
  return {
    async run(dice) {
      const bytes = hostile(dice, good);
      try {
        const { pixels, width, height } = await decodeImage(bytes);
        if (pixels.byteLength !== width * height * 3)
          throw new Error(`${pixels.byteLength} bytes for ${width} x ${height}`);
        if (width * height > mostPixels) throw new Error(`${width} x ${height} were decoded`);
        if (imageTypeOf(bytes) === undefined) throw new Error('a picture of another kind was decoded');
        return 'taken';
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        checkRefusal(error.message);
        return 'refused';
      }
    },
  };
};

async function goodPictures(): Promise<Buffer[]> {
  const noise = Buffer.from(Array.from({ length: 64 * 48 * 3 }, (_, i) => (i * 2_654_435_761) >>> 24));
  const picture = () => sharp(noise, { raw: { width: 64, height: 48, channels: 3 } });
  const metadata = { orientation: 6, exif: { IFD0: { Copyright: 'x'.repeat(500) } } };
  return [
    await picture().jpeg().toBuffer(),
    await picture().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).withMetadata(metadata).toBuffer(),
    await picture().png().toBuffer(),
    await picture().png({ palette: true, colours: 16 }).toBuffer(),
    await picture().webp().toBuffer(),
    await picture().webp({ lossless: true }).toBuffer(),
    await picture().ensureAlpha(0.5).png({ progressive: true }).toBuffer(),
  ];
}

function hostile(dice: Dice, good: readonly Buffer[]): Buffer {
  const one = dice.pick(good);
  switch (dice.below(12)) {
    case 0:
      return png(
        dice.pick([1, 6000, 65_535, 2 ** 31 - 1]),
        dice.pick([1, 6000, 65_535, 2 ** 31 - 1]),
        dice.below(30_000),
      );
    case 1:
      return jpegOfSize(good[0]!, dice.pick([0, 1, 65_500, 65_535]), dice.pick([0, 1, 65_500, 65_535]));
    case 2:
      // Begins as one kind, goes on as another.
      return Buffer.concat([one.subarray(0, dice.below(64)), dice.pick(good)]);
    case 3:
      return Buffer.concat([
        one,
        Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
        dice.bytes(64),
      ]);
    case 4:
      return Buffer.concat([
        Buffer.from(
          dice.pick(['GIF89a', '%PDF-1.7\n', '<svg ', 'II*\0', 'BM', '#!MVG\n', '\0\0\0\x20ftypavif']),
        ),
        dice.bytes(200),
      ]);
    default:
      return mutateBytes(dice, one, dice.pick(good));
  }
}

/** Says any size; its rows are zeros, which pack well. */
function png(width: number, height: number, rows: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const data = deflateSync(Buffer.alloc(Math.min(rows * (1 + Math.min(width, 6000) * 3), 20_000_000)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** The frame header of a JPEG says another size. */
function jpegOfSize(good: Buffer, width: number, height: number): Buffer {
  const bytes = Buffer.from(good);
  const at = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(height, at + 5);
  bytes.writeUInt16BE(width, at + 7);
  return bytes;
}
