import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { AddressGuard, ownMachine } from '../../../functions/media/addressGuard.ts';
import type { TlsOptions } from '../../../functions/media/cameraTunnel.ts';
import { openVideo } from '../../../functions/media/video.ts';
import { createAuthority, type Authority } from '../../controller/link/certificates.ts';
import { eventually } from '../../controller/liveController.ts';
import { makeClip, numberShown, temporaryFolder } from '../../support/clips.ts';
import { cameraConfig, IngestRun } from '../../support/ingestRun.ts';
import { RtspServer } from '../../support/rtspServer.ts';

const guard = new AddressGuard('camera', ownMachine);
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let authority: Authority;
let clip: string;
const servers: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  authority = createAuthority(folder.path);
  clip = await makeClip(join(folder.path, 'clip.mp4'), 28, 10);
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});
afterAll(async () => folder.remove());

function certificate(name: string, alternatives: string) {
  const { key, certificate: cert } = authority.sign(name, alternatives);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

/** A recording over HTTPS; the address of the server. */
async function https(name: string, alternatives: string): Promise<string> {
  const bytes = await readFile(clip);
  const server: Server = createServer(certificate(name, alternatives), (request, response) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(206, { 'content-length': bytes.length - from, ...range }).end(bytes.subarray(from));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push({
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function rtsps(name: string, alternatives: string): Promise<string> {
  const server = new RtspServer(certificate(name, alternatives));
  servers.push(server);
  return new URL(await server.start(clip, 10)).host;
}

const kinds = { https, rtsps };

/** The number that its first frame shows, or why there is none. */
async function firstFrame(source: string, tls?: Partial<TlsOptions>): Promise<number | string> {
  const options = {
    guard,
    ...(tls && { tls: { verification: 'Full' as const, ca: readFileSync(authority.ca, 'utf8'), ...tls } }),
  };
  try {
    const video = await openVideo(source, options);
    const frame = await video.read();
    await video.close();
    return numberShown(frame!.pixels, frame!.width, frame!.height);
  } catch (error) {
    return (error as Error).message;
  }
}

const kindsOfServer = Object.keys(kinds) as (keyof typeof kinds)[];

test.each(kindsOfServer)(
  '%s: a camera whose certificate its authority signed for its address is seen',
  async (kind) => {
    const host = await kinds[kind]('by-address', 'IP:127.0.0.1');
    expect(await firstFrame(`${kind}://${host}/stream1`, {})).toEqual(expect.any(Number));
  },
);

test.each<[string, string, Partial<TlsOptions> | undefined, RegExp]>([
  [
    'an authority nobody knows',
    'IP:127.0.0.1',
    undefined,
    /its certificate is not accepted: .*(self-signed|unable to)/,
  ],
  ['another address', 'IP:127.0.0.2', {}, /its certificate is not accepted: .*127\.0\.0\.1/],
  ['a name instead of the address', 'DNS:camera.example', {}, /its certificate is not accepted/],
  [
    'another name than wanted',
    'DNS:camera.example',
    { serverName: 'door.example' },
    /its certificate is not accepted: .*door\.example/,
  ],
  [
    'an authority that is no certificate',
    'IP:127.0.0.1',
    { ca: 'nonsense' },
    /its certificate is not accepted/,
  ],
])('a certificate of %s is refused in one line', async (_what, alternatives, tls, message) => {
  for (const kind of kindsOfServer) {
    const host = await kinds[kind]('odd', alternatives);
    const refused = await firstFrame(`${kind}://viewer:secret@${host}/stream1`, tls);
    expect(refused).toMatch(message);
    expect(refused).not.toMatch(/secret|\n/);
  }
});

test.each<[string, Partial<TlsOptions>]>([
  ['its own name is asked for', { serverName: 'camera.example' }],
  ['nothing is verified', { verification: 'None', ca: undefined }],
])('a camera with a certificate of another name is seen when %s', async (_what, tls) => {
  for (const kind of kindsOfServer) {
    const host = await kinds[kind]('named', 'DNS:camera.example');
    expect(await firstFrame(`${kind}://${host}/stream1`, tls)).toEqual(expect.any(Number));
  }
});

test('the camera loop reads the certificates anew for each connection', async () => {
  const host = await rtsps('loop', 'IP:127.0.0.1');
  const caFile = join(folder.path, 'mounted.pem');
  const source = {
    type: 'RTSP',
    uri: `rtsps://${host}/stream1`,
    tls: { verification: 'Full', caFileEnv: 'CA' },
  } as const;
  const run = await new IngestRun([cameraConfig('a', source)], { environment: { CA: caFile } }).start();
  try {
    await run.until('the complaint', () =>
      /cannot be read from .*mounted\.pem: ENOENT/.test(run.report('a').message ?? ''),
    );
    const { copyFile } = await import('node:fs/promises');
    await copyFile(authority.ca, caFile);
    await run.until('frames', () => run.frames().length >= 2);
    expect(run.report('a').state).toBe('connected');
  } finally {
    await run.stop();
  }
});

test.each(['TCP', 'UDP'] as const)(
  'an RTSP camera that redirects is refused, media over %s',
  async (transport) => {
    const [camera, target] = [new RtspServer(), new RtspServer()];
    servers.push(camera, target);
    const uri = await camera.start(clip, 10);
    camera.redirectTo = await target.start(clip, 10);
    await expect(openVideo(uri, { guard, transport })).rejects.toThrow(
      `${uri}: it redirects, which is not followed`,
    );
    // The other server never hears of it.
    expect(target.accepted).toBe(0);
  },
);

test.each([
  ['says nothing of where its media come from', ''],
  ['names itself', ';source=127.0.0.1'],
  ['names another host', ';source=127.0.0.2'],
  ['names another host in a strange way', '; source =127.0.0.1\r;\rsou\rrce=127.0.0.2'],
])('over UDP, packets to a camera that %s go to that camera and nowhere else', async (_what, more) => {
  const camera = new RtspServer();
  servers.push(camera);
  const uri = await camera.start(clip, 10);
  camera.transportMore = more;
  const other = createSocket('udp4');
  let strayed = 0;
  other.on('message', () => strayed++);
  other.bind(camera.mediaPort, '127.0.0.2');
  await once(other, 'listening');
  servers.push({ stop: async () => void other.close() });
  const video = await openVideo(uri, { guard, transport: 'UDP' });
  try {
    for await (const frame of video) {
      expect(frame.width).toBeGreaterThan(0);
      break;
    }
    expect(camera.transport).toBe('UDP');
    await eventually(
      async () => camera.heard,
      (count) => count > 0,
      10_000,
    );
    expect(strayed).toBe(0);
  } finally {
    await video.close();
  }
});

const hasIpv6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ address }) => address === '::1'),
);
if (!hasIpv6) process.stderr.write('SKIPPED: cameras at IPv6 addresses need a machine that has ::1\n');

(hasIpv6 ? test : test.skip).each([
  ['TCP', 'says nothing of where its media come from', ''],
  ['UDP', 'says nothing of where its media come from', ''],
  ['UDP', 'names itself', ';source=::1'],
  ['UDP', 'names a host of IPv4', ';source=127.0.0.2'],
] as const)('over %s, a camera at an IPv6 address that %s is seen', async (transport, _what, more) => {
  const camera = new RtspServer(undefined, '::1');
  servers.push(camera);
  const uri = await camera.start(clip, 10);
  camera.login = { username: 'viewer', password: 'p:w' };
  camera.transportMore = more;
  const other = createSocket('udp4');
  let strayed = 0;
  other.on('message', () => strayed++);
  other.bind(camera.mediaPort, '127.0.0.2');
  await once(other, 'listening');
  servers.push({ stop: async () => void other.close() });
  const video = await openVideo(uri, { guard, transport, credentials: camera.login });
  try {
    const numbers: number[] = [];
    for await (const { pixels, width, height } of video) {
      numbers.push(numberShown(pixels, width, height));
      if (numbers.length === 5) break;
    }
    // Whole pictures, one after the other.
    expect(numbers).toEqual(Array.from({ length: 5 }, (_, i) => (numbers[0]! + i) % 28));
    expect(camera.transport).toBe(transport);
    if (transport === 'UDP')
      await eventually(
        async () => camera.heard,
        (count) => count > 0,
        10_000,
      );
    expect(strayed).toBe(0);
  } finally {
    await video.close();
  }
});

(hasIpv6 ? test : test.skip)('the camera loop follows a camera at an IPv6 address over UDP', async () => {
  const camera = new RtspServer(undefined, '::1');
  servers.push(camera);
  const source = { type: 'RTSP', uri: await camera.start(clip, 10), transport: 'UDP' } as const;
  const run = await new IngestRun([cameraConfig('a', source)]).start();
  try {
    await run.until('frames', () => run.frames().length >= 3);
    camera.cut();
    await eventually(
      async () => camera.accepted,
      (count) => count === 2,
      20_000,
    );
    const before = run.frames().length;
    await run.until('frames after the cut', () => run.frames().length >= before + 3);
    expect(run.report('a')).toMatchObject({ state: 'connected' });
    expect(camera.transport).toBe('UDP');
  } finally {
    await run.stop();
  }
});
