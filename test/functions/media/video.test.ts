import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AddressGuard, ownMachine } from '../../../functions/media/addressGuard.ts';
import { openVideo, VideoError, type VideoFrame } from '../../../functions/media/video.ts';
import { makeClip, numberShown, temporaryFolder } from '../../support/clips.ts';
import { MjpegServer } from '../../support/mjpegServer.ts';
import { sharedPath, testWithShared } from '../../support/shared.ts';

const guard = new AddressGuard('camera', ownMachine);
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clip: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  clip = await makeClip(join(folder.path, 'clip.mp4'), 28, 10);
});
afterAll(async () => folder.remove());

async function readAll(source: string, options = {}): Promise<{ frames: VideoFrame[]; damaged: number }> {
  const frames: VideoFrame[] = [];
  const video = await openVideo(source, options);
  for await (const frame of video) frames.push(frame);
  return { frames, damaged: video.damaged };
}

/** A copy of the clip whose media data from one fraction of the file to another is overwritten. */
async function damagedClip(name: string, from: number, to: number): Promise<string> {
  const bytes = await readFile(clip);
  const data = bytes.indexOf('mdat') + 8;
  const length = bytes.length - data;
  bytes.fill(0xa5, data + Math.floor(length * from), data + Math.floor(length * to));
  const path = join(folder.path, name);
  await writeFile(path, bytes);
  return path;
}

test('all frames of a file come out, the held ones too, each with its pixels and time', async () => {
  const { frames } = await readAll(clip);
  expect(frames.map(({ pixels, width, height }) => numberShown(pixels, width, height))).toEqual([
    ...Array(28).keys(),
  ]);
  expect(frames.map(({ index }) => index)).toEqual([...Array(28).keys()]);
  frames.forEach(({ time }, number) => expect(time).toBeCloseTo(number / 10, 3));
});

test('a file says how long it is before it is read', async () => {
  const video = await openVideo(clip);
  expect(video).toMatchObject({ width: 64, height: 48, frameCount: 28, live: false });
  expect(video.durationS).toBeCloseTo(2.8, 2);
  await video.close();
});

testWithShared('all 795 frames of a real recording come out', 'data/pets09-s2l1/vtest.avi', async () => {
  let count = 0;
  let last: VideoFrame | undefined;
  for await (const frame of await openVideo(sharedPath('data/pets09-s2l1/vtest.avi'))) {
    expect(frame.time).toBeCloseTo(count / 10, 6);
    expect(frame.pixels.byteLength).toBe(768 * 576 * 3);
    last = frame;
    count++;
  }
  expect(count).toBe(795);
  expect(last).toMatchObject({ index: 794, width: 768, height: 576 });
});

test.each([
  [5, 14, [0, 2, 4, 6, 8]],
  [2, 6, [0, 5, 10, 15, 20]],
  [4, 11, [0, 3, 5, 8, 10]],
  [30, 28, [0, 1, 2, 3, 4]],
])('a limit of %d frames a second picks frames by their media time', async (fps, count, first) => {
  const { frames } = await readAll(clip, { fps });
  expect(frames.slice(0, 5).map(({ index }) => index)).toEqual(first);
  expect(frames).toHaveLength(count);
  for (const { index, pixels, width, height } of frames)
    expect(numberShown(pixels, width, height)).toBe(index);
});

test('damaged packets are counted, and reading goes on behind them', async () => {
  const { frames, damaged } = await readAll(await damagedClip('damaged.mp4', 0.4, 0.5));
  expect(damaged).toBeGreaterThan(0);
  expect(frames.length).toBeGreaterThan(10);
  const last = frames.at(-1)!;
  expect(numberShown(last.pixels, last.width, last.height)).toBe(27);
  frames.slice(1).forEach((frame, at) => expect(frame.time).toBeGreaterThan(frames[at]!.time));
});

test('a file whose end is missing gives the frames it has', async () => {
  const bytes = await readFile(clip);
  const path = join(folder.path, 'short.mp4');
  await writeFile(path, bytes.subarray(0, Math.floor(bytes.length * 0.8)));
  const { frames } = await readAll(path);
  expect(frames.length).toBeGreaterThan(5);
  expect(frames.length).toBeLessThan(28);
});

test('a video without a single good frame is an error', async () => {
  const path = await damagedClip('hopeless.mp4', 0, 1);
  await expect(readAll(path)).rejects.toThrow(/hopeless\.mp4: .*decoded/);
});

test.each([
  ['a missing file', '/no/such/clip.mp4', '/no/such/clip.mp4: no such file'],
  ['a folder', '/tmp', '/tmp: is not a regular file'],
  [
    'a text',
    new URL(import.meta.url).pathname,
    `${new URL(import.meta.url).pathname}: is not a video that can be read`,
  ],
  ['another scheme', 'ftp://user:secret@host/x', /^ftp:\/\/host\/x: scheme ftp is not supported/],
  ['a playlist protocol', 'concat:/etc/passwd', /scheme concat is not supported/],
  [
    'RTSP, refused',
    'rtsp://user:secret@127.0.0.1:1/x?token=secret',
    'rtsp://127.0.0.1:1/x: connection refused',
  ],
  [
    'HTTP, refused',
    'http://user:secret@127.0.0.1:1/x?token=secret',
    'http://127.0.0.1:1/x: connection refused',
  ],
  ['not a URL', 'http://user:secret@[bad/x', /^http:\/\/\[bad\/x: is not a valid URL$/],
])('%s is refused in one line that names it and no secret', async (_what, source, message) => {
  const error = await openVideo(source, { guard }).then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error).toBeInstanceOf(VideoError);
  if (typeof message === 'string') expect(error!.message).toBe(message);
  else expect(error!.message).toMatch(message);
  expect(error!.message).not.toMatch(/secret|\n/);
});

test('text that libav would show as pictures is not a video', async () => {
  const path = join(folder.path, 'rows.txt');
  await writeFile(path, '1,1,100.0,200.0,30,60,1,-1,-1,-1\n'.repeat(500));
  await expect(openVideo(path)).rejects.toThrow('rows.txt: is not a video that can be read');
});

test.each(['rtsp', 'http'])('a server that never answers over %s ends with a deadline', async (scheme) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const source = `${scheme}://127.0.0.1:${port}/x`;
  await expect(openVideo(source, { guard, openTimeoutMs: 200 })).rejects.toThrow(
    `${source}: no data for 0.2 s`,
  );
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
});

test('an abort ends a pending read, and the connection is closed', async () => {
  const server = new MjpegServer();
  const url = await server.start(50);
  const abort = new AbortController();
  const video = await openVideo(url, { guard, signal: abort.signal });
  expect(video.live).toBe(true);
  expect(await video.read()).toMatchObject({ index: 0, width: 320, height: 240 });
  server.stalled = true;
  const drained = (async () => {
    while ((await video.read()) !== null);
  })();
  abort.abort();
  await expect(drained).rejects.toThrow(`${url}: stopped`);
  await video.close();
  await server.stop();
});

test('leaving the loop closes the video, and closing twice is harmless', async () => {
  const video = await openVideo(clip);
  for await (const { index } of video) if (index === 3) break;
  await video.close();
  await expect(video.read()).rejects.toThrow('clip.mp4: stopped');
});

test('a stream that falls silent ends with a deadline', async () => {
  const server = new MjpegServer();
  const url = await server.start(50);
  const video = await openVideo(url, { guard, stallTimeoutMs: 300 });
  await video.read();
  server.stalled = true;
  const reading = (async () => {
    while ((await video.read()) !== null);
  })();
  await expect(reading).rejects.toThrow(`${url}: no data for 0.3 s`);
  await video.close();
  await server.stop();
});
