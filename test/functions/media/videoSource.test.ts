import { expect, test } from '@jest/globals';
import { AddressGuard, ownMachine } from '../../../functions/media/addressGuard.ts';
import { redact } from '../../../functions/media/redact.ts';
import {
  resolveVideoSource,
  type VideoSource,
  type VideoSourceOptions,
} from '../../../functions/media/videoSource.ts';

test.each([
  ['rtsp://host:554/path', 'rtsp://host:554/path'],
  ['rtsp://user:pass@host/path', 'rtsp://host/path'],
  ['rtsp://user:p@ss@host/path', 'rtsp://host/path'],
  ['rtsp://user:p/a?s#s@host/path', 'rtsp://host/path'],
  ['http://host/video?token=secret', 'http://host/video'],
  ['http://user@host', 'http://host'],
  ['/videos/a b@c.mp4', '/videos/a b@c.mp4'],
])('%s is shown as %s', (source, shown) => {
  expect(redact(source)).toBe(shown);
});

const credentials = { username: 'us er', password: 'p:a/s@s?' };
const guard = new AddressGuard('camera', ownMachine);

async function resolved(source: string, more: Partial<VideoSourceOptions> = {}): Promise<VideoSource> {
  const found = await resolveVideoSource(source, { stallTimeoutMs: 1000, guard, ...more });
  found.tunnel?.close();
  return found;
}

test.each([
  ['http://192.0.2.7/path', 'http://us%20er:p%3Aa%2Fs%40s%3F@192.0.2.7:80/path'],
  ['http://old:login@192.0.2.7/path?x=1#y', 'http://us%20er:p%3Aa%2Fs%40s%3F@192.0.2.7:80/path?x=1'],
  ['http://[2001:4860::1]:81/', 'http://us%20er:p%3Aa%2Fs%40s%3F@[2001:4860::1]:81/'],
])('credentials are put into %s, escaped, in place of what it holds', async (source, url) => {
  expect((await resolved(source, { credentials })).url).toBe(url);
});

test('libav gets the address that was checked, and the camera the name it was asked by', async () => {
  const { url, options, name } = await resolved('http://localhost:8080/a?b=c');
  expect(url).toMatch(/^http:\/\/(127\.0\.0\.1|\[::1\]):8080\/a\?b=c$/);
  expect(options.headers).toBe('Host: localhost:8080\r\n');
  expect(name).toBe('http://localhost:8080/a');
});

test('what is secret or could redirect goes through a tunnel, without its own name and scheme', async () => {
  for (const source of ['https://192.0.2.7/x', 'rtsps://192.0.2.7/x', 'rtsp://192.0.2.7/x']) {
    const { url, tunnel } = await resolved(source);
    expect(url).toBe(`${source.startsWith('https') ? 'http' : 'rtsp'}://127.0.0.1:${tunnel!.port}/x`);
  }
});

test('a source may only use the protocols of its own kind', async () => {
  const allowed = async (source: string, transport: 'TCP' | 'UDP' = 'TCP') =>
    (await resolved(source, { transport })).options.protocol_whitelist;
  expect(await allowed('http://192.0.2.7/x')).toBe('http,tcp');
  expect(await allowed('https://192.0.2.7/x')).toBe('http,tcp');
  expect(await allowed('rtsp://192.0.2.7/x')).toBe('rtsp,rtp,tcp');
  expect(await allowed('rtsp://192.0.2.7/x', 'UDP')).toBe('rtsp,rtp,udp,tcp');
  expect(await allowed('rtsps://192.0.2.7/x', 'UDP')).toBe('rtsp,rtp,tcp');
  expect(await allowed(new URL(import.meta.url).pathname)).toBe('file');
});

test.each([
  ['rtsp://169.254.169.254/x', 'public,private,loopback'],
  ['http://127.0.0.1/x', 'public,private'],
  ['http://2130706433/x', 'public,private'],
  ['rtsp://0x7f.1/x', 'public,private'],
  ['rtsp://localhost/x', 'public,private'],
  ['http://[::ffff:7f00:1]/x', 'public,private'],
  ['rtsp://10.0.0.1/x', 'public'],
])('%s is not connected to where only %s may be', async (source, networks) => {
  const opening = resolved(source, { guard: new AddressGuard('camera', networks) });
  await expect(opening).rejects.toThrow(/is in no network that MEI_CAMERA_NETWORKS allows/);
});
