// The open stream that video.ts returns: reads packets, decodes, skips what the fps limit does not want, converts the rest to RGB.
import { av, constants, libavReason } from './libav.ts';
import { FramePlacer, type PlacedPicture } from './framePlacer.ts';
import { RgbConverter } from './rgbConverter.ts';
import { VideoError, type VideoSource } from './videoSource.ts';
import { whileReading } from './threadSlots.ts';
import type { Watchdog } from './watchdog.ts';

/** One decoded picture. */
export interface VideoFrame {
  /** RGB, height x width x 3 bytes, row-major; the reader's caller owns it. */
  pixels: Uint8Array;
  width: number;
  height: number;
  /** Seconds from the start of the stream, strictly increasing. */
  time: number;
  /** 0-based count of decoded frames, those that the fps limit skips included. */
  index: number;
}

interface OpenedVideo {
  source: VideoSource;
  input: av.FormatContext;
  stream: av.Stream;
  decoder: av.CodecContext;
  watchdog: Watchdog;
  stallTimeoutMs: number;
  fps: number | undefined;
}

/** A stream that gives nothing but damaged data for so many packets is over. */
const maxDamagedInRow = 250;

export class VideoReader implements AsyncIterable<VideoFrame> {
  /** As the container says, pixels; 0 where only the frames do (multipart JPEG). */
  readonly width: number;
  readonly height: number;
  /** Absent for live streams. */
  readonly durationS: number | undefined;
  /** Absent where the container does not say it and it cannot be estimated. */
  readonly frameCount: number | undefined;
  /** True when the stream has no end of its own: a camera, not a recording. */
  readonly live: boolean;
  /** Packets and frames that could not be decoded so far. */
  damaged = 0;

  readonly #opened: OpenedVideo;
  readonly #packet = new av.Packet();
  readonly #frame = new av.Frame();
  readonly #converter = new RgbConverter();
  readonly #placer: FramePlacer;
  /** Every packet is a picture of its own, so the fps limit saves decoding too. */
  readonly #pictures: boolean;
  /** Multipart JPEG carries no time: the time of arrival is used. */
  readonly #timeless: boolean;
  #placed: PlacedPicture | undefined;
  #arrivedMs = 0;
  #decoded = 0;
  #damagedInRow = 0;
  #draining = false;
  #closed = false;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(opened: OpenedVideo) {
    const { input, stream, source } = opened;
    this.#opened = opened;
    this.#packet.alloc();
    this.#frame.alloc();
    this.#pictures = stream.codecpar.codecId === constants.AV_CODEC_ID_MJPEG;
    this.#timeless = isMultipart(input);
    const rate = plausibleRate(stream.avgFrameRate);
    this.width = stream.codecpar.width;
    this.height = stream.codecpar.height;
    const durationS = Number(input.duration) / 1e6;
    this.durationS = source.kind !== 'rtsp' && !this.#timeless && durationS > 0 ? durationS : undefined;
    this.live = source.kind !== 'file' && this.durationS === undefined;
    if (this.durationS !== undefined) {
      this.frameCount = Number(stream.nbFrames) || Math.round(this.durationS * rate);
    }
    const known = !this.live && stream.startTime !== constants.AV_NOPTS_VALUE;
    this.#placer = new FramePlacer({
      secondsPerTick: stream.timeBase.toDouble(),
      frameInterval: 1 / rate,
      startTicks: known ? stream.startTime : undefined,
      skipUntimed: this.live,
      fps: opened.fps,
    });
  }

  /**
   * The next wanted frame, or null after the last one. One call at a time.
   * @throws VideoError one line: stalled, stopped, connection lost, nothing but damaged data
   */
  read(): Promise<VideoFrame | null> {
    const reading = this.#read();
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  /** Decodes one frame ahead of the consumer, so that both work at the same time. Closes at the end or on `break`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<VideoFrame, void, undefined> {
    try {
      let next = this.read();
      for (;;) {
        const frame = await next;
        if (frame === null) return;
        next = this.read();
        next.catch(() => undefined);
        yield frame;
      }
    } finally {
      await this.close();
    }
  }

  /** Interrupts a pending read and frees everything; safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { decoder, watchdog } = this.#opened;
    watchdog.trip('stopped');
    await this.#reading;
    await closeWhenIdle(this.#opened, () => {
      decoder.freeContext();
      this.#converter.free();
      this.#frame.free();
      this.#packet.free();
    });
  }

  async #read(): Promise<VideoFrame | null> {
    const { decoder } = this.#opened;
    for (;;) {
      if (this.#opened.watchdog.reason !== undefined) this.#fail(this.#opened.watchdog.reason);
      // With one decoder thread the work was done by sendPacket; this only fetches the result.
      const code = decoder.receiveFrameSync(this.#frame);
      if (code >= 0) {
        this.#damagedInRow = 0;
        this.#decoded++;
        const placed = this.#placed ?? this.#place(this.#frame.bestEffortTimestamp);
        this.#placed = undefined;
        if (placed.wanted) return await this.#convert(placed);
        this.#frame.unref();
      } else if (code === constants.AVERROR_EOF) {
        if (this.#decoded === 0) this.#fail(`no frame could be decoded (${this.damaged} damaged packets)`);
        return null;
      } else {
        if (code !== constants.AVERROR_EAGAIN) this.#countDamage();
        await this.#feed();
      }
    }
  }

  /** Gives the decoder the next packet, or tells it that there are no more. */
  async #feed(): Promise<void> {
    const { decoder, stream } = this.#opened;
    if (this.#draining || !(await this.#readPacket())) {
      this.#draining = true;
      await decoder.sendPacket(null);
      return;
    }
    if (this.#packet.streamIndex === stream.index) {
      this.#arrivedMs = performance.now();
      if (this.#pictures) this.#placed = this.#place(this.#packet.pts);
      const code = this.#placed?.wanted === false ? 0 : await decoder.sendPacket(this.#packet);
      if (code < 0 && code !== constants.AVERROR_EAGAIN) this.#countDamage();
    }
    this.#packet.unref();
  }

  /** False at the end of the stream. */
  async #readPacket(): Promise<boolean> {
    const { input, source, watchdog, stallTimeoutMs } = this.#opened;
    const next = () => watchdog.during(stallTimeoutMs, () => input.readFrame(this.#packet));
    for (;;) {
      const reading = source.kind === 'file' ? next() : whileReading(next);
      const code = await reading.catch((error: Error) => this.#fail(error.message, error));
      if (code >= 0) return true;
      if (code === constants.AVERROR_EOF) return false;
      if (code !== constants.AVERROR_INVALIDDATA) this.#fail(source.tunnel?.problem() ?? libavReason(code));
      this.#countDamage();
    }
  }

  #place(pts: bigint): PlacedPicture {
    const ticks = pts === constants.AV_NOPTS_VALUE ? undefined : pts;
    return this.#placer.place(ticks, this.#timeless ? this.#arrivedMs / 1000 : undefined);
  }

  async #convert({ time, index }: PlacedPicture): Promise<VideoFrame> {
    const { width, height } = this.#frame;
    const pixels = await this.#converter.convert(this.#frame);
    this.#frame.unref();
    if (pixels === undefined) this.#fail(`frame ${index} cannot be converted to RGB`);
    return { pixels, width, height, time, index };
  }

  #countDamage(): void {
    this.damaged++;
    if (++this.#damagedInRow > maxDamagedInRow)
      this.#fail(`nothing but damaged data (${this.damaged} packets)`);
  }

  #fail(reason: string, cause?: Error): never {
    throw new VideoError(`${this.#opened.source.name}: ${reason}`, { cause });
  }
}

/** Frames a second; where the stream does not know (RTSP says 90000) that of most cameras. */
function plausibleRate(rate: av.Rational): number {
  const perSecond = rate.num > 0 ? rate.toDouble() : 0;
  return perSecond > 0 && perSecond <= 240 ? perSecond : 25;
}

/** JPEG pictures one after the other over HTTP, as simple cameras send them. */
export function isMultipart(input: av.FormatContext): boolean {
  return input.iformat?.name === 'mpjpeg';
}

/** Closes an input at once, or, while a call still hangs in it, as soon as that returns. */
export async function closeWhenIdle(
  { input, watchdog, source }: Pick<OpenedVideo, 'input' | 'watchdog' | 'source'>,
  free = () => {},
): Promise<void> {
  watchdog.stop();
  const close = async () => {
    free();
    await input.closeInput();
    source.tunnel?.close();
  };
  if (watchdog.stuck === undefined) return await close();
  source.tunnel?.close();
  void watchdog.stuck.then(close);
}
