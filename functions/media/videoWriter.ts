// Encodes RGB frames to an H.264 mp4, for annotated videos of the local runner, the sample clips and the tests.
import { rename, rm } from 'node:fs/promises';
import { av, check, constants } from './libav.ts';
import { withSlack } from './pixels.ts';

export interface VideoWriterOptions {
  /** Pixels of the frames; the last column or row of an odd size is cut off. */
  width: number;
  height: number;
  /** Says how long the last frame lasts, and where frames without a time go. */
  fps: number;
  /** Quality, 0 (lossless) .. 51. Default 26. */
  crf?: number;
  /** libx264's trade of time for size. Default veryfast. */
  preset?: 'ultrafast' | 'veryfast' | 'medium' | 'veryslow';
  /** Frames between key frames. Default 10 s. */
  keyFrameInterval?: number;
}

const ticksPerSecond = 90_000;

/**
 * Creates the file beside its final name; `close` puts it in place, so that a file that is there is complete.
 * @throws Error one line with the path: folder missing, no permission, disk full
 */
export async function openVideoWriter(path: string, options: VideoWriterOptions): Promise<VideoWriter> {
  const partial = `${path}.part`;
  const output = new av.FormatContext();
  output.allocOutputContext2(null, 'mp4', partial);
  try {
    const encoder = await openEncoder(options);
    const stream = output.newStream(null);
    stream.timeBase = encoder.timeBase;
    stream.avgFrameRate = encoder.framerate;
    check(stream.codecpar.fromContext(encoder), 'codec parameters');
    check(await output.openOutput(), 'open');
    check(await output.writeHeader(av.Dictionary.fromObject({ movflags: '+faststart' })), 'header');
    return new VideoWriter({ path, partial, output, stream, encoder, options });
  } catch (error) {
    output.freeContext();
    throw new Error(`${path}: cannot write video: ${(error as Error).message}`, { cause: error });
  }
}

async function openEncoder({ width, height, fps, crf, preset, keyFrameInterval }: VideoWriterOptions) {
  const codec = av.Codec.findEncoderByName(constants.FF_ENCODER_LIBX264);
  if (codec === null) throw new Error('this build of libav has no libx264');
  const encoder = new av.CodecContext();
  encoder.allocContext3(codec);
  encoder.width = width & ~1;
  encoder.height = height & ~1;
  encoder.pixelFormat = constants.AV_PIX_FMT_YUV420P;
  encoder.timeBase = new av.Rational(1, ticksPerSecond);
  encoder.framerate = new av.Rational(Math.round(fps * 1000), 1000);
  encoder.gopSize = keyFrameInterval ?? Math.max(1, Math.round(fps * 10));
  encoder.threadCount = 1;
  encoder.setFlags(constants.AV_CODEC_FLAG_GLOBAL_HEADER);
  const quality = { crf: String(crf ?? 26), preset: preset ?? 'veryfast' };
  check(await encoder.open2(codec, av.Dictionary.fromObject(quality)), 'encoder');
  return encoder;
}

interface OpenedWriter {
  path: string;
  partial: string;
  output: av.FormatContext;
  stream: av.Stream;
  encoder: av.CodecContext;
  options: VideoWriterOptions;
}

export class VideoWriter {
  readonly #opened: OpenedWriter;
  readonly #scaler = new av.SoftwareScaleContext();
  readonly #packet = new av.Packet();
  readonly #frameTicks: number;
  #lastTicks = -1;
  #closed = false;

  constructor(opened: OpenedWriter) {
    const { encoder, options } = opened;
    const { width, height } = encoder;
    const [rgb, yuv] = [constants.AV_PIX_FMT_RGB24, constants.AV_PIX_FMT_YUV420P];
    this.#opened = opened;
    this.#frameTicks = Math.round(ticksPerSecond / options.fps);
    this.#scaler.getContext(width, height, rgb, width, height, yuv, constants.SWS_BICUBIC);
    this.#packet.alloc();
  }

  /**
   * Adds a frame; one call at a time.
   * @param pixels RGB, height x width x 3 bytes of the writer's size
   * @param time seconds from the start, increasing; absent: one frame after the last
   */
  async write(pixels: Uint8Array, time?: number): Promise<void> {
    const { encoder, options } = this.#opened;
    const source = withSlack(pixels);
    const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
    const frame = this.#emptyFrame();
    try {
      const rows = [frame.data!, frame.linesize] as const;
      await this.#scaler.scale([bytes], [options.width * 3], 0, encoder.height, rows[0], rows[1]);
      frame.pts = BigInt(this.#nextTicks(time));
      check(await encoder.sendFrame(frame), `${this.#opened.path}: encode`);
    } finally {
      frame.free();
    }
    await this.#drain();
  }

  /** Writes what is held, and gives the file its name. */
  async close(): Promise<void> {
    if (this.#closed) return;
    const { encoder, output, path, partial } = this.#opened;
    try {
      check(await encoder.sendFrame(null), `${path}: encode`);
      await this.#drain();
      check(await output.writeTrailer(), `${path}: write`);
    } finally {
      await this.#free();
    }
    await rename(partial, path);
  }

  /** Gives up: nothing is left on disk. */
  async abort(): Promise<void> {
    await this.#free();
    await rm(this.#opened.partial, { force: true });
  }

  #emptyFrame(): av.Frame {
    const frame = new av.Frame();
    frame.alloc();
    frame.width = this.#opened.encoder.width;
    frame.height = this.#opened.encoder.height;
    frame.format = constants.AV_PIX_FMT_YUV420P;
    check(frame.getBuffer(), 'memory for a frame');
    return frame;
  }

  #nextTicks(time: number | undefined): number {
    const following = this.#lastTicks < 0 ? 0 : this.#lastTicks + this.#frameTicks;
    const wanted = time === undefined ? following : Math.round(time * ticksPerSecond);
    this.#lastTicks = Math.max(wanted, this.#lastTicks + 1);
    return this.#lastTicks;
  }

  async #drain(): Promise<void> {
    const { encoder, output, stream, path } = this.#opened;
    while ((await encoder.receivePacket(this.#packet)) >= 0) {
      this.#packet.streamIndex = stream.index;
      this.#packet.duration = BigInt(this.#frameTicks);
      this.#packet.rescaleTs(encoder.timeBase, stream.timeBase);
      check(await output.interleavedWriteFrame(this.#packet), `${path}: write`);
      this.#packet.unref();
    }
  }

  async #free(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { encoder, output } = this.#opened;
    await output.closeOutput();
    output.freeContext();
    encoder.freeContext();
    this.#scaler.freeContext();
    this.#packet.free();
  }
}
