// Carries libav's connections to a camera, for videoSource.ts. libav itself knows no authorities, accepts any certificate of a
// camera that is named by its address, and follows RTSP redirects to wherever they lead.
import { once } from 'node:events';
import { connect as connectPlain, createServer, isIP, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { nameMediaSource } from './mediaAddress.ts';

/** How a camera proves who it is. */
export interface TlsOptions {
  /** None takes any certificate: the connection is secret, but anybody may be at its other end. */
  verification: 'Full' | 'None';
  /** Certificates, PEM, one of which must have signed the camera's, or be it. Absent: the public authorities. */
  ca?: string | undefined;
  /** Name that the certificate must have. Absent: the host of the address. */
  serverName?: string | undefined;
}

export interface TunnelOptions {
  /** IP address, checked. */
  address: string;
  /** As the URL has it. */
  hostname: string;
  port: number;
  tls?: TlsOptions | undefined;
  /** The camera speaks RTSP and may not redirect. */
  isRtsp: boolean;
  /** RTSP only: media come beside the tunnel, over UDP. */
  isMediaBeside?: boolean;
}

export interface Tunnel {
  /** Of this machine: as in a URL. Open until `close`. */
  host: string;
  port: number;
  /** Why the last connection failed. */
  problem(): string | undefined;
  close(): void;
}

/** A player opens a second connection to jump in a recording; more than a few are not its own. */
const mostConnections = 4;

/** Each connection to its port becomes one to the camera. */
export async function openTunnel(options: TunnelOptions): Promise<Tunnel> {
  let problem: string | undefined;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer((local) => {
    const fail = (reason: string) => {
      problem = reason;
      local.destroy();
    };
    keep(local);
    local.on('error', () => local.destroy());
    let remote: Socket;
    try {
      remote = connect(options);
    } catch (error) {
      // Such as certificates that are none.
      return fail(reasonOf(error as NodeJS.ErrnoException));
    }
    keep(remote);
    remote.on('error', (error) => fail(reasonOf(error)));
    local.once('close', () => remote.destroy());
    remote.once('close', () => local.end());
    const isPlaying = options.isRtsp ? refuseRedirects(local, remote, fail) : () => true;
    local.pipe(remote);
    if (options.isMediaBeside) remote.pipe(nameMediaSource(options.address, isPlaying, fail)).pipe(local);
    else remote.pipe(local);
  });
  server.maxConnections = mostConnections;
  // A player takes media by the version of IP by which it speaks to the other end.
  const host = options.isMediaBeside && isIP(options.address) === 6 ? '::1' : '127.0.0.1';
  server.listen(0, host);
  await once(server, 'listening');
  return {
    host: isIP(host) === 6 ? `[${host}]` : host,
    port: (server.address() as AddressInfo).port,
    problem: () => problem,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function connect({ address, hostname, port, tls }: TunnelOptions): Socket {
  if (tls === undefined) return connectPlain({ host: address, port });
  const name = tls.serverName ?? hostname;
  return connectTls({
    host: address,
    port,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls.verification === 'Full',
    ...(isIP(name) === 0 && { servername: name }),
    ...(tls.ca !== undefined && { ca: tls.ca }),
  });
}

/** More than any camera says before it plays. */
const greetingBytes = 256 << 10;
/** As loosely as libav reads a status line, wherever it may begin. */
const redirect = /RTSP\/[^ \t\r\n]*[ \t\r]+\+?0*3\d\d/;

/** Looks at all that comes before the client asks to play: later answers redirect no more. Returns whether that is over. */
function refuseRedirects(local: Socket, remote: Socket, fail: (reason: string) => void): () => boolean {
  let said = '';
  let isPlaying = false;
  const watch = (chunk: Buffer) => {
    said += chunk.toString('latin1');
    if (redirect.test(said)) fail('it redirects, which is not followed: give the address it leads to');
    else if (said.length > greetingBytes) fail('it answers too much before it plays');
  };
  const stop = (chunk: Buffer) => {
    if (!chunk.includes('PLAY rtsp')) return;
    remote.off('data', watch);
    local.off('data', stop);
    isPlaying = true;
  };
  // Both come before the listeners of pipe(), so that nothing is handed on that was not looked at.
  remote.on('data', watch);
  local.on('data', stop);
  return () => isPlaying;
}

const plainWords: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'connection timed out',
};

function reasonOf({ code = '', message }: NodeJS.ErrnoException): string {
  if (plainWords[code] !== undefined) return plainWords[code];
  const reason = message.split('\n', 1)[0]!.slice(0, 200);
  const isCertificate = /CERT|ISSUER|ALTNAME|SIGNATURE|CRL|CHAIN/.test(code);
  return isCertificate ? `its certificate is not accepted: ${reason}` : reason;
}
