// Memory for RGB pictures, for the decoder and the resizers. What was given back is used again: new memory for each frame
// would be paged in, zeroed and collected at the rate of the pixels.

/** libav's vector code may read some bytes past the last pixel of what it is given. */
export const slackBytes = 64;

/** Of memory that waits for another picture. */
const maxFreeBytes = 32 * 1024 * 1024;
/** Oldest first, so that sizes that no camera has any more are dropped. */
const free: Buffer[] = [];
let freeBytes = 0;
/** Pictures in memory of this module that nobody gave back yet. */
const lent = new WeakSet<Uint8Array>();

/** width x height x 3 bytes with whatever was in them, in memory of its own with slack behind the last pixel. */
export function allocateRgb(width: number, height: number): Buffer {
  const bytes = width * height * 3;
  const at = free.findLastIndex(({ byteLength }) => byteLength === bytes);
  const pixels =
    at < 0 ? Buffer.allocUnsafeSlow(bytes + slackBytes).subarray(0, bytes) : free.splice(at, 1)[0]!;
  if (at >= 0) freeBytes -= bytes;
  lent.add(pixels);
  return pixels;
}

/**
 * Gives the memory of a picture back; nobody may look at it any more. Of no effect for memory from elsewhere and for
 * what was given back before; a picture that nobody gives back is collected as anything else.
 */
export function releaseRgb(pixels: Uint8Array): void {
  if (!lent.delete(pixels) || pixels.byteLength > maxFreeBytes) return;
  free.push(pixels as Buffer);
  freeBytes += pixels.byteLength;
  while (freeBytes > maxFreeBytes) freeBytes -= free.shift()!.byteLength;
}

/** The same pixels with slack behind them; copied only where there is none. */
export function withSlack(pixels: Uint8Array): Uint8Array {
  if (pixels.buffer.byteLength - pixels.byteOffset - pixels.byteLength >= slackBytes) return pixels;
  const padded = Buffer.allocUnsafeSlow(pixels.byteLength + slackBytes).subarray(0, pixels.byteLength);
  padded.set(pixels);
  return padded;
}
