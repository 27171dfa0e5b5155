// Memory for RGB pictures, for the decoder and the resizers.

/** libav's vector code may read some bytes past the last pixel of what it is given. */
export const slackBytes = 64;

/** width x height x 3 bytes, uninitialised, in memory of its own with slack behind the last pixel. */
export function allocateRgb(width: number, height: number): Buffer {
  const bytes = width * height * 3;
  return Buffer.allocUnsafeSlow(bytes + slackBytes).subarray(0, bytes);
}

/** The same pixels with slack behind them; copied only where there is none. */
export function withSlack(pixels: Uint8Array): Uint8Array {
  if (pixels.buffer.byteLength - pixels.byteOffset - pixels.byteLength >= slackBytes) return pixels;
  const padded = Buffer.allocUnsafeSlow(pixels.byteLength + slackBytes).subarray(0, pixels.byteLength);
  padded.set(pixels);
  return padded;
}
