// Where a video comes from: turns a path or URL into what libav is given, for video.ts; credentials never reach a message.
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The reason a video cannot be opened or read on; `message` is one line that names the source without credentials. */
export class VideoError extends Error {
  override name = 'VideoError';
}

export interface VideoSourceOptions {
  /** RTSP only: how media packets travel. Default TCP. */
  transport?: 'TCP' | 'UDP' | undefined;
  /** Sent when the server asks for them; replace what the URL holds. */
  credentials?: { username: string; password: string } | undefined;
  /** Longest time a socket may be silent. */
  stallTimeoutMs: number;
}

export interface VideoSource {
  kind: 'file' | 'http' | 'rtsp';
  /** For people and logs: without user, password and query. */
  name: string;
  /** For libav only: may hold credentials. */
  url: string;
  options: Record<string, string>;
}

/** Demuxers of real video; text, playlists and scripts that libav would also take are left out. */
const containers =
  'mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,av1,obu,ivf,m4v,flv,asf,ogg,nut,mjpeg,mpjpeg,jpeg_pipe,live_flv,dhav,mxf,rtsp,sdp,rtp';

/**
 * A path or URL as it may be shown: user, password and query (tokens) are cut out. Passwords with unescaped slashes
 * are common, so everything up to the last @ counts as login.
 */
export function redact(source: string): string {
  return source.replace(/^([a-z][a-z0-9+.-]*:\/\/)(?:.*@)?([^?#]*).*$/is, '$1$2');
}

/**
 * Checks the source as far as that is possible without opening it.
 * @throws VideoError for a missing file, a folder, or a URL of another scheme
 */
export async function resolveVideoSource(source: string, options: VideoSourceOptions): Promise<VideoSource> {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(source)?.[1]?.toLowerCase();
  if (scheme === undefined) return await fileSource(source);
  if (scheme === 'file') return await fileSource(fileURLToPath(source));
  const url = withCredentials(source, options.credentials);
  const stallUs = String(Math.round(options.stallTimeoutMs * 1000));
  const common = {
    format_whitelist: containers,
    analyzeduration: '3000000',
    fpsprobesize: '0',
    rw_timeout: stallUs,
  };
  if (scheme === 'http' || scheme === 'https') {
    const only = { protocol_whitelist: 'http,https,tcp,tls', max_redirects: '0' };
    return { kind: 'http', name: redact(source), url, options: { ...common, ...only } };
  }
  if (scheme === 'rtsp' || scheme === 'rtsps') {
    const only = {
      protocol_whitelist: 'rtsp,rtsps,rtp,udp,tcp,tls',
      rtsp_transport: (options.transport ?? 'TCP').toLowerCase(),
      timeout: stallUs,
      allowed_media_types: 'video',
    };
    return { kind: 'rtsp', name: redact(source), url, options: { ...common, ...only } };
  }
  throw new VideoError(
    `${redact(source)}: scheme ${scheme} is not supported; use rtsp, rtsps, http, https or a path`,
  );
}

async function fileSource(path: string): Promise<VideoSource> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const reason =
      error.code === 'ENOENT' || error.code === 'ENOTDIR' ? 'no such file' : (error.code ?? 'unreadable');
    throw new VideoError(`${path}: ${reason}`, { cause: error });
  });
  if (!found.isFile()) throw new VideoError(`${path}: is not a regular file`);
  const options = { format_whitelist: containers, protocol_whitelist: 'file' };
  return { kind: 'file', name: path, url: `file:${path}`, options };
}

function withCredentials(source: string, credentials: VideoSourceOptions['credentials']): string {
  if (!URL.canParse(source)) throw new VideoError(`${redact(source)}: is not a valid URL`);
  if (credentials === undefined) return source;
  const login = `${encodeURIComponent(credentials.username)}:${encodeURIComponent(credentials.password)}@`;
  return source.replace(/^([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#]*@)?/i, `$1${login}`);
}
