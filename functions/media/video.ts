// Decodes files, HTTP and RTSP to RGB frames, for ingest, benchmarks and tools. libav works in libuv threads, so it overlaps with inference.
import { av, check, constants, libavReason, maxPixels } from './libav.ts';
import { closeWhenIdle, isMultipart, VideoReader } from './videoReader.ts';
import { resolveVideoSource, VideoError, type VideoSource, type VideoSourceOptions } from './videoSource.ts';
import { whileOpening } from './threadSlots.ts';
import { Watchdog } from './watchdog.ts';

export { VideoError } from './videoSource.ts';
export type { VideoFrame, VideoReader } from './videoReader.ts';

export interface VideoOptions extends Partial<VideoSourceOptions> {
  /** At most so many frames a media second come out; the others are skipped before conversion. Absent: all. */
  fps?: number | undefined;
  /** Ends the stream: a pending read rejects with VideoError `stopped`. */
  signal?: AbortSignal | undefined;
  /** Time to connect and find the video. Default 10 s. */
  openTimeoutMs?: number;
}

const defaultTimeoutMs = 10_000;

/**
 * Opens a path or an http(s) or rtsp(s) URL. Iterating the result closes it at the end; who calls `read` calls `close`.
 * @throws VideoError one line: missing, not a video, refused, unauthorized, timed out, stopped
 */
export async function openVideo(source: string, options: VideoOptions = {}): Promise<VideoReader> {
  const stallTimeoutMs = options.stallTimeoutMs ?? defaultTimeoutMs;
  const resolved = await resolveVideoSource(source, { ...options, stallTimeoutMs });
  const input = new av.FormatContext();
  input.allocContext();
  const watchdog = new Watchdog(() => input.interrupt(), options.signal);
  try {
    const limitMs = options.openTimeoutMs ?? defaultTimeoutMs;
    const open = () => watchdog.during(limitMs, () => openInput(input, resolved));
    const stream = await (resolved.kind === 'file' ? open() : whileOpening(open));
    const decoder = await openDecoder(stream);
    return new VideoReader({
      source: resolved,
      input,
      stream,
      decoder,
      watchdog,
      stallTimeoutMs,
      fps: options.fps,
    });
  } catch (error) {
    const reason = watchdog.reason ?? resolved.tunnel?.problem() ?? (error as Error).message;
    await closeWhenIdle({ input, watchdog, source: resolved });
    throw new VideoError(`${resolved.name}: ${reason}`, { cause: error });
  }
}

async function openInput(input: av.FormatContext, source: VideoSource): Promise<av.Stream> {
  const code = await input.openInput(source.url, null, av.Dictionary.fromObject(source.options));
  if (code < 0) throw new Error(libavReason(code));
  // Multipart JPEG says all it has to say with its first frame; looking ahead would spoil the times of arrival.
  const found = isMultipart(input) ? 0 : await input.findStreamInfo(null);
  if (found < 0) throw new Error(libavReason(found));
  const best = input.findBestStream(constants.AVMEDIA_TYPE_VIDEO);
  if (best < 0) throw new Error('holds no video');
  for (const other of input.streams) if (other.index !== best) other.discard = constants.AVDISCARD_ALL;
  return input.streams[best]!;
}

async function openDecoder(stream: av.Stream): Promise<av.CodecContext> {
  const { codecId, width, height } = stream.codecpar;
  if (width * height > maxPixels)
    throw new Error(`${width} x ${height} pixels are more than the limit of ${maxPixels}`);
  const codec = av.Codec.findDecoder(codecId);
  if (codec === null) throw new Error(`its codec ${av.avGetCodecName(codecId) ?? codecId} cannot be decoded`);
  const decoder = new av.CodecContext();
  decoder.allocContext3(codec);
  check(decoder.parametersToContext(stream.codecpar), 'codec parameters');
  decoder.pktTimebase = stream.timeBase;
  decoder.threadCount = 1;
  check(await decoder.open2(codec, av.Dictionary.fromObject({ max_pixels: maxPixels })), 'decoder');
  return decoder;
}
