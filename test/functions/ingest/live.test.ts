import { once } from 'node:events';
import { createServer as createSilentServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CameraConfig } from '../../../config/worker.ts';
import { makeClip, numberShown, temporaryFolder } from '../../support/clips.ts';
import { cameraConfig, IngestRun } from '../../support/ingestRun.ts';
import { MjpegServer } from '../../support/mjpegServer.ts';
import { RtspServer } from '../../support/rtspServer.ts';

const fps = 25;
const login = { username: 'viewer', password: 'se/cr:et@1' };
const environment = { CAMERA_USER: login.username, CAMERA_PASSWORD: login.password };
const byName = { usernameEnv: 'CAMERA_USER', passwordEnv: 'CAMERA_PASSWORD' };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clip: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  clip = await makeClip(join(folder.path, 'clip.mp4'), 28, fps);
});
afterAll(async () => folder.remove());

describe.each<[string, () => MjpegServer | RtspServer, Partial<CameraConfig['source']>]>([
  ['MJPEG over HTTP', () => new MjpegServer(), { type: 'HTTP' }],
  ['RTSP over TCP', () => new RtspServer(), { type: 'RTSP', transport: 'TCP' }],
  ['RTSP over UDP', () => new RtspServer(), { type: 'RTSP', transport: 'UDP' }],
])('a live camera, %s', (_what, createServer, source) => {
  let server: MjpegServer | RtspServer;
  let uri: string;
  let run: IngestRun;
  beforeEach(async () => {
    server = createServer();
    uri = server instanceof RtspServer ? await server.start(clip, fps) : await server.start(fps);
  });
  afterEach(async () => {
    await run.stop();
    await run.until('the connection to close', () => server.viewers === 0);
    await server.stop();
  });

  test('its frames come with rising wall-clock times and right pixels', async () => {
    const before = Date.now() / 1000;
    run = await new IngestRun([cameraConfig('a', { ...source, uri })]).start();
    await run.until('frames', () => run.frames().length >= 12);
    const frames = run.frames();
    const numbers = frames.map(({ pixels, width, height }) => numberShown(pixels, width, height));
    frames.slice(1).forEach((frame, at) => {
      const last = frames[at]!;
      expect(frame.time).toBeGreaterThan(last.time);
      expect((numbers[at + 1]! - numbers[at]! + 28) % 28).toBe(frame.sequence - last.sequence);
    });
    expect(frames[0]!.time).toBeGreaterThanOrEqual(before);
    expect(frames.at(-1)!.time).toBeLessThan(Date.now() / 1000 + 1);
    expect(run.report('a')).toMatchObject({ state: 'connected', frames: frames.length });
    if (server instanceof RtspServer) expect(server.transport).toBe(source.transport);
  });

  test('while the next stage is busy the newest frame is kept, and drops are counted', async () => {
    run = new IngestRun([cameraConfig('a', { ...source, uri })]);
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let offered = 0;
    run.accept = () => (++offered === 2 ? gate : Promise.resolve());
    await run.start();
    await run.until('drops', () => run.report('a').dropped >= 10);
    expect(run.frames()).toHaveLength(1);
    const dropped = run.report('a').dropped;
    release();
    await run.until('frames', () => run.frames().length >= 3);
    const sequences = run.frames().map(({ sequence }) => sequence);
    expect(sequences[2]! - sequences[1]!).toBeGreaterThan(dropped);
  });

  test('cut off, it is connected again, and time and sequence go on', async () => {
    run = await new IngestRun([cameraConfig('a', { ...source, uri })]).start();
    await run.until('frames', () => run.frames().length >= 3);
    const last = run.frames().at(-1)!;
    server.cut();
    await run.until('the loss', () => run.logged.some((line) => line.includes('camera lost')));
    const before = run.frames().length;
    await run.until('frames again', () => run.frames().length >= before + 3);
    expect(run.report('a')).toMatchObject({ state: 'connected' });
    expect(run.stage.status!().figures.reconnects).toBeGreaterThanOrEqual(1);
    const after = run.frames().at(-1)!;
    expect(after.time).toBeGreaterThan(last.time);
    expect(after.sequence).toBeGreaterThan(last.sequence);
    expect(new Set(run.events.map(({ id }) => id)).size).toBe(run.events.length);
    expect(run.ended('a')).toBe(false);
  }, 30_000);

  test('silent, it counts as lost after the deadline, with the reason, until it speaks again', async () => {
    const timings = { stallTimeoutMs: 400, openTimeoutMs: 1500 };
    run = await new IngestRun([cameraConfig('a', { ...source, uri })], { timings }).start();
    await run.until('frames', () => run.frames().length >= 3);
    server.stalled = true;
    await run.until('the loss', () => run.report('a').state === 'reconnecting');
    expect(run.report('a').message).toBe(`${uri}: no data for 0.4 s`);
    server.stalled = false;
    const before = run.frames().length;
    await run.until('frames again', () => run.frames().length >= before + 3);
    expect(run.report('a').message).toBeUndefined();
  }, 30_000);

  test('without the password it keeps trying and says why; no secret is logged or reported', async () => {
    server.login = login;
    run = await new IngestRun(
      [
        cameraConfig('none', { ...source, uri }),
        cameraConfig('wrong', { ...source, uri: uri.replace('//', '//viewer:guess-7@') }),
        cameraConfig('right', { ...source, uri, ...byName }),
      ],
      { environment },
    ).start();
    await run.until('frames', () => run.frames('right').length >= 2);
    const refused = (id: string) =>
      run.report(id).state === 'reconnecting' && /\(401\)$/.test(run.report(id).message ?? '');
    await run.until('refusals', () => refused('none') && refused('wrong'));
    const told = JSON.stringify([run.logged, run.stage.status!()]);
    expect(told).not.toMatch(/guess-7|se\/cr|se%2Fcr/);
    expect(run.frames('wrong')).toHaveLength(0);
  });
});

test('a camera that is not there keeps trying, the worker stops at once', async () => {
  const uri = 'rtsp://127.0.0.1:1/stream';
  const timings = { firstMs: 5, mostMs: 60_000 };
  const run = await new IngestRun([cameraConfig('a', { type: 'RTSP', uri })], { timings }).start();
  const tries = () => run.stage.status!().figures['reconnects']!;
  await run.until('three tries', () => tries() >= 3);
  // One line for the state, not for each try.
  expect(run.logged.filter((line) => line.includes('camera lost'))).toHaveLength(1);
  expect(run.report('a')).toMatchObject({ state: 'reconnecting', message: `${uri}: connection refused` });
  expect(run.stage.status!().phase).toBe('Running');
  await run.stop();
  expect(run.ended('a')).toBe(false);
});

test('cameras that never answer do not hold up those that do', async () => {
  const sockets: Socket[] = [];
  const silent = createSilentServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const camera = new MjpegServer();
  const uri = await camera.start(fps);
  const dead = Array.from({ length: 8 }, (_, at) =>
    cameraConfig(`dead-${at}`, { type: 'RTSP', uri: `rtsp://127.0.0.1:${port}/${at}` }),
  );
  const timings = { openTimeoutMs: 60_000, stallTimeoutMs: 60_000 };
  const live = [cameraConfig('file', { uri: clip }), cameraConfig('live', { type: 'HTTP', uri })];
  const run = new IngestRun([...live, ...dead], { timings });
  // The live camera comes first: one that is in line behind the dead ones waits until they give up.
  await run.start();
  await run.until('the file', () => run.report('file').state === 'ended');
  await run.until('frames', () => run.frames('live').length >= 10);
  expect(run.frames('file')).toHaveLength(28);
  expect(run.logged.join()).toContain('too few threads');
  await run.stop();
  for (const socket of sockets) socket.destroy();
  silent.close();
  await camera.stop();
});
