import { expect, test } from '@jest/globals';
import { redact, resolveVideoSource } from '../../../functions/media/videoSource.ts';

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

test.each([
  ['rtsp://host/path', 'rtsp://us%20er:p%3Aa%2Fs%40s%3F@host/path'],
  ['http://old:login@host/path?x=1', 'http://us%20er:p%3Aa%2Fs%40s%3F@host/path?x=1'],
])('credentials are put into %s, escaped, in place of what it holds', async (source, url) => {
  expect((await resolveVideoSource(source, { credentials, stallTimeoutMs: 1000 })).url).toBe(url);
});

test('a source may only use the protocols of its own kind', async () => {
  const allowed = async (source: string) =>
    (await resolveVideoSource(source, { stallTimeoutMs: 1000 })).options.protocol_whitelist;
  expect(await allowed('http://host/x')).toBe('http,https,tcp,tls');
  expect(await allowed('rtsp://host/x')).not.toMatch(/file|http/);
  expect(await allowed(new URL(import.meta.url).pathname)).toBe('file');
});
