// An installation whose workers had no token yet gets one: for a while old pods meet new ones, and one hears 401 from the other.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventTypes } from '../../config/events.ts';
import { ownMachine } from '../../functions/media/addressGuard.ts';
import { startReceiver } from '../delivery/receiver.ts';
import { workerConfig } from '../functions/host/support.ts';
import { cameraConfig } from '../support/ingestRun.ts';
import { MjpegServer } from '../support/mjpegServer.ts';
import type { Fault } from './catalogue.ts';
import { Runs, until } from './run.ts';

const [ingest, detect, embed] = ['fault-ingest', 'fault-detect', 'fault-embed'];
let runs: Runs;

beforeAll(async () => {
  runs = await Runs.prepare();
}, 60_000);
afterAll(() => runs.close());

test(
  'workers without a token send to workers that ask for one, while all of them get one' satisfies Fault,
  async () => {
    const old = new Set([ingest, detect]);
    const { results, repeated } = await runs.run(
      'upgrade',
      async ({ fleet }) => {
        const refusing = (worker: string) => /events are taken only with the token/.test(fleet.log(worker));
        const renew = (worker: string) => fleet.restart(worker, () => old.delete(worker));
        expect(fleet.workers).toEqual(expect.arrayContaining([ingest, detect, embed]));
        await until(() => refusing(embed), 'the first new one refuses an old one');
        await until(() => /"401 .*the next stage takes nothing/.test(fleet.log(detect)), 'that is said');
        await renew(detect);
        await until(() => refusing(detect), 'the second new one does, too');
        await renew(ingest);
      },
      {
        packing: 'PerStage',
        envOf: (worker) => (old.has(worker) ? { MEI_TASK_TOKEN_FILE: undefined } : {}),
      },
    );
    expect(results).toEqual((await runs.calm('PerStage')).results);
    expect(repeated).toEqual([]);
  },
  180_000,
);

test('a recording that the first new worker reads waits for an old one in the middle, which nobody lets in', async () => {
  const old = new Set([detect]);
  const { results, repeated } = await runs.run(
    'middle',
    async ({ fleet }) => {
      await until(() => /events are taken only with the token/.test(fleet.log(embed)), 'it is refused');
      // Longer than the whole recording takes otherwise: whoever dropped frames would be done with it.
      await until(() => /the next stage takes nothing/.test(fleet.log(detect)), 'that is said');
      const said = fleet.log(detect) + fleet.log(ingest);
      expect(said).not.toMatch(/event given up|camera failed|camera ended/);
      await fleet.restart(detect, () => old.delete(detect));
    },
    {
      packing: 'PerStage',
      envOf: (worker) => (old.has(worker) ? { MEI_TASK_TOKEN_FILE: undefined } : {}),
    },
  );
  expect(results).toEqual((await runs.calm('PerStage')).results);
  expect(repeated).toEqual([]);
}, 180_000);

test('frames of a live camera that a worker without a token has are dropped, counted and logged, until it is let in', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mei-upgrade-'));
  const camera = new MjpegServer();
  const next = await startReceiver();
  next.answer = () => ({
    status: 401,
    body: '{"detail":"events are taken only with the token of the task"}',
  });
  const config = workerConfig(['ingest'], {
    cameras: [cameraConfig('gate', { type: 'HTTP', uri: await camera.start(10) })],
    sinks: Object.fromEntries(Object.values(eventTypes).map((type) => [type, next.url])),
  });
  const configPath = join(folder, 'worker.json');
  writeFileSync(configPath, JSON.stringify(config));
  const child = fork(runs.program.host, {
    execArgv: [],
    env: {
      PATH: process.env['PATH'],
      MEI_WORKER_CONFIG: configPath,
      MEI_CAMERA_NETWORKS: ownMachine,
      MEI_REPORT_INTERVAL_MS: '60000',
      PORT: '0',
      MEI_PARENT_IPC: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let log = '';
  let url = '';
  child.stdout!.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.on('message', ({ port }: { port?: number }) => (url = `http://127.0.0.1:${port}/`));
  try {
    await until(() => url !== '', 'it listens');
    const dropped = async () => {
      const text = await (await fetch(`${url}metrics`)).text();
      return Number(/^mei_camera_frames\{[^}]*outcome="dropped"[^}]*\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    await until(async () => (await dropped()) > 10, 'frames are counted as dropped');
    await until(() => /the next stage takes nothing/.test(log), 'that is said');
    expect(log).toMatch(/"reason":"401 events are taken only with the token of the task"/);
    expect(next.taken.filter(({ attributes }) => attributes['type'] === eventTypes.frame)).toEqual([]);
    next.answer = () => ({ status: 202 });
    await until(() => next.taken.length > 5, 'frames arrive');
    await until(() => /the next stage takes events again/.test(log), 'that is said, too');
    // The camera noticed nothing of it.
    expect(camera.connections).toBe(1);
    expect(log).not.toMatch(/camera lost|camera failed/);
  } finally {
    child.kill('SIGKILL');
    await camera.stop();
    await next.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
