// A network camera for tests: RTSP 1.0 on a free loopback port, H.264 over RTP in TCP or UDP, Digest login, switches for what cameras do wrong.
import { createHash } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { readCodedFrames, RtpPacketizer, type CodedFrame } from './rtp.ts';

interface Viewer {
  socket: Socket;
  packetizer: RtpPacketizer;
  send: (packet: Buffer) => void;
  playing: boolean;
  next: number;
}

interface RtspRequest {
  method: string;
  url: string;
  headers: Map<string, string>;
}

const realm = 'camera';
const nonce = '5ed2a0f1';

export class RtspServer {
  /** When set, requests without this user and password get 401. */
  login: { username: string; password: string } | undefined;
  /** Connections stay open, but no picture is sent. */
  stalled = false;
  /** When set, viewers are sent there instead. */
  redirectTo: string | undefined;
  /** Connections so far. */
  accepted = 0;
  /** Added to what it says of its transport. */
  transportMore = '';
  /** Packets that viewers sent to where its media come from over UDP. */
  heard = 0;
  /** How media packets travelled to the last viewer. */
  transport: 'TCP' | 'UDP' | undefined;
  readonly #server: Server;
  readonly #viewers = new Map<Socket, Viewer>();
  readonly #udp: UdpSocket;
  readonly #address: '127.0.0.1' | '::1';
  #timer: NodeJS.Timeout | undefined;
  #frames: CodedFrame[] = [];
  #fps = 25;

  readonly #scheme: string;

  /** With a key and a certificate: over TLS. */
  constructor(tls?: Pick<TlsOptions, 'key' | 'cert'>, address: '127.0.0.1' | '::1' = '127.0.0.1') {
    this.#address = address;
    this.#udp = createSocket(address === '::1' ? 'udp6' : 'udp4');
    const serve = (socket: Socket) => this.#serve(socket);
    this.#scheme = tls ? 'rtsps' : 'rtsp';
    this.#server = tls ? createTlsServer(tls, serve) : createServer(serve);
  }

  /** Plays a clip in an endless loop. */
  async start(clip: string, fps: number): Promise<string> {
    this.#frames = await readCodedFrames(clip);
    this.#fps = fps;
    this.#udp.on('message', () => this.heard++);
    this.#udp.bind(0, this.#address);
    await once(this.#udp, 'listening');
    this.#server.listen(0, this.#address);
    await once(this.#server, 'listening');
    this.#timer = setInterval(() => this.#send(), 1000 / fps);
    const host = this.#address === '::1' ? '[::1]' : this.#address;
    return `${this.#scheme}://${host}:${(this.#server.address() as AddressInfo).port}/stream1`;
  }

  /** Where media come from over UDP. */
  get mediaPort(): number {
    return this.#udp.address().port;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Cuts every connection, as a camera that loses its power does. */
  cut(): void {
    for (const socket of this.#viewers.keys()) socket.destroy();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#server.close();
    this.cut();
    this.#udp.close();
    await once(this.#server, 'close');
  }

  #send(): void {
    if (this.stalled) return;
    for (const viewer of this.#viewers.values()) {
      if (!viewer.playing) continue;
      const number = viewer.next++;
      const { units, time } = this.#frames[number % this.#frames.length]!;
      const loops = Math.floor(number / this.#frames.length);
      const packets = viewer.packetizer.packets(units, time + (loops * this.#frames.length) / this.#fps);
      for (const packet of packets) viewer.send(packet);
    }
  }

  #serve(socket: Socket): void {
    const viewer = { socket, packetizer: new RtpPacketizer(), send: () => {}, playing: false, next: 0 };
    this.#viewers.set(socket, viewer);
    this.accepted++;
    socket.on('close', () => this.#viewers.delete(socket));
    socket.on('error', () => this.#viewers.delete(socket));
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (;;) {
        const length = requestLength(received);
        if (length === undefined) return;
        const request = received.subarray(0, length);
        received = received.subarray(length);
        // A dollar sign begins what the viewer reports about the stream; it is not needed here.
        if (request[0] !== 0x24) this.#answer(viewer, parseRequest(request.toString('latin1')));
      }
    });
  }

  #answer(viewer: Viewer, request: RtspRequest): void {
    const { method, url, headers } = request;
    const reply = (status: string, more: string[] = [], body = '') =>
      viewer.socket.write(
        [
          `RTSP/1.0 ${status}`,
          `CSeq: ${headers.get('cseq')}`,
          ...more,
          `Content-Length: ${body.length}`,
          '',
          body,
        ].join('\r\n'),
      );
    if (method === 'OPTIONS') return void reply('200 OK', ['Public: DESCRIBE, SETUP, PLAY, TEARDOWN']);
    if (this.redirectTo !== undefined) return void reply('302 Moved', [`Location: ${this.redirectTo}`]);
    if (!this.#allowed(request)) {
      return void reply('401 Unauthorized', [`WWW-Authenticate: Digest realm="${realm}", nonce="${nonce}"`]);
    }
    if (method === 'DESCRIBE') {
      const version = this.#address === '::1' ? 'IP6' : 'IP4';
      const sdp = [
        'v=0',
        `o=- 1 1 IN ${version} ${this.#address}`,
        's=test',
        't=0 0',
        'm=video 0 RTP/AVP 96',
      ];
      const media = [
        `c=IN ${version} ${version === 'IP6' ? '::' : '0.0.0.0'}`,
        'a=rtpmap:96 H264/90000',
        'a=fmtp:96 packetization-mode=1',
        'a=control:track1',
      ];
      return void reply(
        '200 OK',
        ['Content-Type: application/sdp', `Content-Base: ${url}/`],
        [...sdp, ...media, ''].join('\r\n'),
      );
    }
    if (method === 'SETUP')
      return void reply('200 OK', [
        'Session: 7',
        `Transport: ${this.#setUp(viewer, headers.get('transport') ?? '')}`,
      ]);
    reply('200 OK', ['Session: 7']);
    if (method === 'PLAY') viewer.playing = true;
    if (method === 'TEARDOWN') viewer.socket.end();
  }

  #setUp(viewer: Viewer, transport: string): string {
    const udpPort = /client_port=(\d+)/.exec(transport)?.[1];
    if (udpPort === undefined) {
      this.transport = 'TCP';
      viewer.send = (packet) => {
        viewer.socket.write(Buffer.from([0x24, 0, packet.length >> 8, packet.length & 255]));
        viewer.socket.write(packet);
      };
      return 'RTP/AVP/TCP;unicast;interleaved=0-1';
    }
    this.transport = 'UDP';
    viewer.send = (packet) => this.#udp.send(packet, Number(udpPort), this.#address);
    const own = this.#udp.address().port;
    return `${transport};server_port=${own}-${own + 1}${this.transportMore}`;
  }

  #allowed({ method, url, headers }: RtspRequest): boolean {
    if (this.login === undefined) return true;
    const given = headers.get('authorization') ?? '';
    const field = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(given)?.[1] ?? '';
    const secret = md5(`${this.login.username}:${realm}:${this.login.password}`);
    const expected = md5(`${secret}:${nonce}:${md5(`${method}:${field('uri') || url}`)}`);
    return field('username') === this.login.username && field('response') === expected;
  }
}

/** Bytes of the first complete message, or undefined while it is not complete. */
function requestLength(received: Buffer): number | undefined {
  if (received[0] === 0x24) {
    if (received.length < 4) return undefined;
    const length = 4 + received.readUInt16BE(2);
    return received.length < length ? undefined : length;
  }
  const end = received.indexOf('\r\n\r\n');
  return end < 0 ? undefined : end + 4;
}

function parseRequest(text: string): RtspRequest {
  const [first = '', ...lines] = text.split('\r\n');
  const [method = '', url = ''] = first.split(' ');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { method, url, headers };
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
