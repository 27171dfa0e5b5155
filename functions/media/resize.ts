// Resizes and crops RGB pictures to what a model takes, for detect and embed. libswscale in libuv threads: measured cheapest, see docs/decisions.
import { av, constants } from './libav.ts';
import { allocateRgb, withSlack } from './pixels.ts';

export interface RgbImage {
  /** RGB, height x width x 3 bytes, row-major. */
  pixels: Uint8Array;
  width: number;
  height: number;
}

export interface Size {
  width: number;
  height: number;
}

/** Bilinear when enlarging, area average when shrinking; integer arithmetic, the same on every processor. */
const flags = (constants.SWS_AREA |
  constants.SWS_ACCURATE_RND |
  constants.SWS_BITEXACT) as typeof constants.SWS_AREA;
const letterboxGrey = 114;
const maxIdle = 16;
/** Contexts not in use, oldest first: making one costs as much as scaling a crop. */
const idle: { key: string; context: av.SoftwareScaleContext }[] = [];

/**
 * Resizes a picture to a model's input. `stretch` ignores the aspect ratio; `letterbox` keeps it, at the top left on
 * grey 114. A point (x, y) of the result lies at (x / scaleX, y / scaleY) in the picture.
 */
export async function resizeRgb(
  image: RgbImage,
  target: Size,
  mode: 'letterbox' | 'stretch',
): Promise<{ pixels: Uint8Array; scaleX: number; scaleY: number }> {
  const { width, height } = image;
  const scale = Math.min(target.width / width, target.height / height);
  const inner =
    mode === 'stretch'
      ? target
      : { width: fit(width * scale, target.width), height: fit(height * scale, target.height) };
  const output = allocateRgb(target.width, target.height);
  await scaleInto(image, { left: 0, top: 0, width, height }, output, inner, target.width * 3);
  fillAround(output, inner, target);
  return { pixels: output, scaleX: inner.width / width, scaleY: inner.height / height };
}

/**
 * Cuts boxes out of a picture and stretches each to `size`.
 * @param boxes n x 4: x1 y1 x2 y2, pixels; clipped to the picture and widened to whole pixels
 * @returns n pictures, each size.height x size.width x 3 bytes in memory of its own
 */
export async function cropResize(image: RgbImage, boxes: Float32Array, size: Size): Promise<Uint8Array[]> {
  const source = { ...image, pixels: withSlack(image.pixels) };
  const crops: Promise<Uint8Array>[] = [];
  for (let at = 0; at + 4 <= boxes.length; at += 4) {
    crops.push(cropOne(source, wholePixels(boxes.subarray(at, at + 4), image), size));
  }
  return await Promise.all(crops);
}

interface Region extends Size {
  left: number;
  top: number;
}

async function cropOne(image: RgbImage, region: Region, size: Size): Promise<Uint8Array> {
  const output = allocateRgb(size.width, size.height);
  await scaleInto(image, region, output, size, size.width * 3);
  return output;
}

function wholePixels(box: Float32Array, { width, height }: Size): Region {
  const clamp = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  const left = clamp(Math.floor(box[0]!), width - 1);
  const top = clamp(Math.floor(box[1]!), height - 1);
  const right = clamp(Math.ceil(box[2]!), width);
  const bottom = clamp(Math.ceil(box[3]!), height);
  return { left, top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
}

function fit(length: number, most: number): number {
  return Math.min(most, Math.max(1, Math.round(length)));
}

async function scaleInto(
  image: RgbImage,
  from: Region,
  output: Uint8Array,
  to: Size,
  stride: number,
): Promise<void> {
  const key = `${from.width}x${from.height}:${to.width}x${to.height}`;
  const context = takeContext(key) ?? createContext(from, to);
  const start = (from.top * image.width + from.left) * 3;
  const source = asBuffer(withSlack(image.pixels).subarray(start));
  const rows = await context.scale([source], [image.width * 3], 0, from.height, [asBuffer(output)], [stride]);
  giveBack(key, context);
  if (rows !== to.height) throw new Error(`cannot resize ${key}`);
}

function createContext(from: Size, to: Size): av.SoftwareScaleContext {
  const context = new av.SoftwareScaleContext();
  const format = constants.AV_PIX_FMT_RGB24;
  context.getContext(from.width, from.height, format, to.width, to.height, format, flags);
  return context;
}

function takeContext(key: string): av.SoftwareScaleContext | undefined {
  const at = idle.findLastIndex((entry) => entry.key === key);
  return at < 0 ? undefined : idle.splice(at, 1)[0]!.context;
}

function giveBack(key: string, context: av.SoftwareScaleContext): void {
  idle.push({ key, context });
  if (idle.length > maxIdle) idle.shift()!.context.freeContext();
}

function fillAround(output: Uint8Array, inner: Size, target: Size): void {
  if (inner.width < target.width) {
    for (let row = 0; row < inner.height; row++) {
      output.fill(letterboxGrey, (row * target.width + inner.width) * 3, (row + 1) * target.width * 3);
    }
  }
  output.fill(letterboxGrey, inner.height * target.width * 3);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
