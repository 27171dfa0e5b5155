// Where a video comes from: turns a path or URL into what libav is given, for video.ts; credentials never reach a message.
import { stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { guardFor, type AddressGuard } from './addressGuard.ts';
import { openTunnel, type TlsOptions, type Tunnel } from './cameraTunnel.ts';
import { redact } from './redact.ts';

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
  /** Addresses it may be at; by default as MEI_CAMERA_NETWORKS and MEI_CAMERA_HOSTS say. */
  guard?: AddressGuard | undefined;
  /** Ends the look-up of the host's name. */
  signal?: AbortSignal | undefined;
  /** https and rtsps only. Default: verified in full against the public authorities. */
  tls?: TlsOptions | undefined;
}

export interface VideoSource {
  kind: 'file' | 'http' | 'rtsp';
  /** For people and logs: without user, password and query. */
  name: string;
  /** For libav only: may hold credentials. */
  url: string;
  options: Record<string, string>;
  /** What carries it, but for plain HTTP; of media over UDP it carries all but the media. To be closed with the video. */
  tunnel?: Tunnel;
}

/** Demuxers of real video; text, playlists and scripts that libav would also take are left out. */
const containers =
  'mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,av1,obu,ivf,m4v,flv,asf,ogg,nut,mjpeg,mpjpeg,jpeg_pipe,live_flv,dhav,mxf,rtsp,sdp,rtp';

/**
 * Checks the source as far as that is possible without opening it. What libav gets is put together anew from what was
 * checked, with an address in place of the name, so that nothing can mean something else to it.
 * @throws VideoError for a missing file, a folder, a URL of another scheme, or a host that may not be connected to
 */
export async function resolveVideoSource(source: string, options: VideoSourceOptions): Promise<VideoSource> {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(source)?.[1]?.toLowerCase();
  if (scheme === undefined) return await fileSource(source);
  if (scheme === 'file') return await fileSource(fileURLToPath(source));
  if (!(scheme in usualPorts))
    throw new VideoError(
      `${redact(source)}: scheme ${scheme} is not supported; use rtsp, rtsps, http, https or a path`,
    );
  if (!URL.canParse(source)) throw new VideoError(`${redact(source)}: is not a valid URL`);
  return await networkSource(source, new URL(source), options);
}

const usualPorts: Record<string, number> = { rtsp: 554, rtsps: 322, http: 80, https: 443 };

async function networkSource(source: string, url: URL, options: VideoSourceOptions): Promise<VideoSource> {
  const { guard = guardFor('camera'), tls = { verification: 'Full' } } = options;
  const name = redact(source);
  const scheme = url.protocol.slice(0, -1);
  const kind = scheme.startsWith('http') ? 'http' : 'rtsp';
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || usualPorts[scheme]!;
  const address = await guard.resolve(url, options.signal).catch((error: Error) => {
    throw new VideoError(`${name}: ${error.message}`, { cause: error });
  });
  const isSecret = scheme === 'https' || scheme === 'rtsps';
  const isDirect = kind === 'http' && !isSecret;
  const isMediaBeside = kind === 'rtsp' && !isSecret && options.transport === 'UDP';
  const how = { address, hostname, port, isRtsp: kind === 'rtsp', isMediaBeside, ...(isSecret && { tls }) };
  const tunnel = isDirect ? undefined : await openTunnel(how);
  const place = tunnel
    ? `${tunnel.host}:${tunnel.port}`
    : `${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
  return {
    kind,
    name,
    url: `${kind}://${loginOf(url, options.credentials)}${place}${url.pathname}${url.search}`,
    options: kind === 'http' ? httpOptions(url.host, options) : rtspOptions(isSecret, options),
    ...(tunnel && { tunnel }),
  };
}

function httpOptions(host: string, options: VideoSourceOptions): Record<string, string> {
  return {
    ...networkOptions(options),
    protocol_whitelist: 'http,tcp',
    max_redirects: '0',
    headers: `Host: ${host}\r\n`,
  };
}

/** Media over UDP would leave the protection of TLS. */
function rtspOptions(isSecret: boolean, options: VideoSourceOptions): Record<string, string> {
  const overTcp = isSecret || options.transport !== 'UDP';
  return {
    ...networkOptions(options),
    protocol_whitelist: overTcp ? 'rtsp,rtp,tcp' : 'rtsp,rtp,udp,tcp',
    rtsp_transport: overTcp ? 'tcp' : 'udp',
    timeout: networkOptions(options).rw_timeout,
    allowed_media_types: 'video',
  };
}

function networkOptions({ stallTimeoutMs }: VideoSourceOptions) {
  return {
    format_whitelist: containers,
    analyzeduration: '3000000',
    fpsprobesize: '0',
    rw_timeout: String(Math.round(stallTimeoutMs * 1000)),
  };
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

/** User and password for the URL; given ones replace those that it holds. */
function loginOf({ username, password }: URL, credentials: VideoSourceOptions['credentials']): string {
  if (credentials !== undefined)
    return `${encodeURIComponent(credentials.username)}:${encodeURIComponent(credentials.password)}@`;
  if (username === '' && password === '') return '';
  return `${username}:${password}@`;
}
