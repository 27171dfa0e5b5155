// Turns decoded pictures into RGB for videoReader.ts; keeps its scaler until the stream changes size or format.
import type { AVPixelFormat } from 'node-av/constants';
import { av, constants } from './libav.ts';
import { allocateRgb } from './pixels.ts';

export class RgbConverter {
  #scaler: av.SoftwareScaleContext | undefined;
  #key = '';

  /**
   * Writes straight into the buffer it returns: no copy besides the conversion itself.
   * @returns height x width x 3 bytes; undefined for a format that cannot be converted
   */
  async convert(frame: av.Frame): Promise<Uint8Array | undefined> {
    const { width, height } = frame;
    const pixels = allocateRgb(width, height);
    const scaler = this.#scalerFor(width, height, frame.format as AVPixelFormat);
    const rows = await scaler.scale(frame.data!, frame.linesize, 0, height, [pixels], [width * 3]);
    return rows === height ? pixels : undefined;
  }

  free(): void {
    this.#scaler?.freeContext();
  }

  #scalerFor(width: number, height: number, format: AVPixelFormat): av.SoftwareScaleContext {
    const key = `${width}x${height}:${format}`;
    if (this.#scaler !== undefined && this.#key === key) return this.#scaler;
    this.#scaler?.freeContext();
    this.#scaler = new av.SoftwareScaleContext();
    this.#key = key;
    const { AV_PIX_FMT_RGB24, SWS_BILINEAR } = constants;
    this.#scaler.getContext(width, height, format, width, height, AV_PIX_FMT_RGB24, SWS_BILINEAR);
    return this.#scaler;
  }
}
