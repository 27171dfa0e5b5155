// The one place that loads libav (node-av), for video.ts and videoWriter.ts: quiet on stderr, error codes in plain words.
import * as av from 'node-av/lib';
import * as constants from 'node-av/constants';

av.Log.setLevel(constants.AV_LOG_QUIET);

export { av, constants };

/** Largest picture that is decoded, width x height: what a hostile file can cost is bounded by it. */
export const maxPixels = 25_000_000;

const plainWords = new Map<number, string>([
  [constants.AVERROR_ENOENT, 'no such file'],
  [constants.AVERROR_EACCES, 'permission denied'],
  [constants.AVERROR_INVALIDDATA, 'is not a video that can be read'],
  // What the list of allowed containers refuses.
  [constants.AVERROR_EINVAL, 'is not a video that can be read'],
  [constants.AVERROR_DEMUXER_NOT_FOUND, 'is not a video that can be read'],
  [constants.AVERROR_HTTP_UNAUTHORIZED, 'refused the user name or password (401)'],
  [constants.AVERROR_HTTP_FORBIDDEN, 'access denied (403)'],
  [constants.AVERROR_HTTP_NOT_FOUND, 'no such stream (404)'],
  [constants.AVERROR_EIO, 'input/output error (unknown host, a redirect or a broken connection)'],
  [constants.AVERROR_EOF, 'ended before its first frame'],
]);

/** One sentence fragment for a negative libav code, e.g. `connection refused`. */
export function libavReason(code: number): string {
  return plainWords.get(code) ?? av.FFmpegError.strerror(code).replace(/^./, (first) => first.toLowerCase());
}

/** Throws when a libav call answers a negative code. */
export function check(code: number | null, doing: string): void {
  if (code !== null && code < 0) throw new Error(`${doing}: ${libavReason(code)}`);
}
