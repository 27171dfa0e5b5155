import { fork, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { makeClip, numberShown, temporaryFolder } from '../../support/clips.ts';
import { cameraConfig, IngestRun } from '../../support/ingestRun.ts';

const fps = 25;
const script = fileURLToPath(new URL('../../support/foreignRtsp.ts', import.meta.url));
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clip: string;
let ports: string[];
let server: ChildProcess | undefined;
let run: IngestRun | undefined;

beforeEach(async () => {
  folder = await temporaryFolder();
  clip = await makeClip(join(folder.path, 'clip.mp4'), 28, fps);
  ports = [await freePort(), await freePort(), await freeUdpRange(20)].map(String);
});
afterEach(async () => {
  await run?.stop();
  await kill();
  await folder.remove();
});

async function start(): Promise<void> {
  server = fork(script, [clip, String(fps), ...ports], { execArgv: ['--import', 'tsx'] });
  await once(server, 'message', { signal: AbortSignal.timeout(30_000) });
}

async function kill(): Promise<void> {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** The first of a row of UDP ports that are all free; even, as RTP wants it. */
async function freeUdpRange(length: number): Promise<number> {
  for (let first = 20_000 + (process.pid % 1000) * 20; first < 65_000; first += length) {
    if (await rangeIsFree(first, length)) return first;
  }
  throw new Error('no row of free UDP ports');
}

async function rangeIsFree(first: number, length: number): Promise<boolean> {
  const probes = Array.from({ length }, () => createSocket('udp4'));
  const bound = await Promise.allSettled(
    probes.map(async (probe, at) => {
      probe.bind(first + at);
      await once(probe, 'listening');
    }),
  );
  for (const [at, probe] of probes.entries()) if (bound[at]!.status === 'fulfilled') probe.close();
  return bound.every(({ status }) => status === 'fulfilled');
}

test('a camera behind a server that others wrote: right frames, and again after the server was killed', async () => {
  await start();
  const uri = `rtsp://127.0.0.1:${ports[1]}/stream1`;
  const source = { type: 'RTSP', transport: 'UDP', uri } as const;
  run = await new IngestRun([cameraConfig('a', source)], { timings: { stallTimeoutMs: 1000 } }).start();
  await run.until('frames', () => run!.frames().length >= 10);
  const [first, second] = run.frames().map(({ pixels, width, height }) => numberShown(pixels, width, height));
  expect((second! - first! + 28) % 28).toBe(run.frames()[1]!.sequence - run.frames()[0]!.sequence);
  await kill();
  await run.until('the loss', () => run!.report('a').state === 'reconnecting');
  await start();
  const before = run.frames().length;
  await run.until('frames again', () => run!.frames().length >= before + 10, 30_000);
  expect(run.report('a').state).toBe('connected');
  const times = run.frames().map(({ time }) => time);
  for (const [at, time] of times.entries()) if (at > 0) expect(time).toBeGreaterThan(times[at - 1]!);
}, 90_000);
