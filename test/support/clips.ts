// Small videos for tests that must run everywhere: every frame tells its number by its grey level.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openVideoWriter } from '../../functions/media/videoWriter.ts';

export const clipWidth = 64;
export const clipHeight = 48;
const greyStep = 8;

/** A folder of its own; the caller removes it with `remove`. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'media-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** RGB of frame `number`: one grey level, 16 .. 232, that repeats every 28 frames, and noise in its left quarter. */
export function greyFrame(number: number, width = clipWidth, height = clipHeight): Uint8Array {
  const pixels = new Uint8Array(width * height * 3).fill(16 + (number % 28) * greyStep);
  let noise = number + 1;
  for (let row = 0; row < height; row++) {
    for (let byte = 0; byte < (width >> 2) * 3; byte++) {
      noise = (Math.imul(noise, 1_103_515_245) + 12_345) >>> 0;
      pixels[row * width * 3 + byte] = noise >>> 24;
    }
  }
  return pixels;
}

/** The frame number modulo 28 that a decoded picture shows at its middle. */
export function numberShown(pixels: Uint8Array, width: number, height: number): number {
  const middle = ((height >> 1) * width + (width >> 1)) * 3;
  return Math.round((pixels[middle]! - 16) / greyStep);
}

export async function makeClip(path: string, frames: number, fps: number): Promise<string> {
  const options = { width: clipWidth, height: clipHeight, fps, crf: 10, keyFrameInterval: 5 };
  const writer = await openVideoWriter(path, options);
  for (let number = 0; number < frames; number++) await writer.write(greyFrame(number));
  await writer.close();
  return path;
}
