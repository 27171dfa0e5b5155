// Cameras that come, go and change while ingest runs: those that are left alone notice nothing.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CameraConfig, WorkerConfig } from '../../../config/worker.ts';
import { cameraConfig, IngestRun } from '../../support/ingestRun.ts';
import { MjpegServer } from '../../support/mjpegServer.ts';

const servers: MjpegServer[] = [];
let uris: string[];
let run: IngestRun;

beforeEach(async () => {
  for (let count = 0; count < 2; count++) servers.push(new MjpegServer());
  uris = await Promise.all(servers.map((server) => server.start(25)));
});
afterEach(async () => {
  await run.stop();
  for (const server of servers.splice(0)) await server.stop();
});

const live = (id: string, which: number, more: Partial<CameraConfig> = {}) =>
  cameraConfig(id, { type: 'HTTP', uri: uris[which]! }, more);
const replace = (...cameras: CameraConfig[]) =>
  run.stage.reconfigure!({ cameras } as WorkerConfig, run.context);
const arrives = (camera: string, more: number) => {
  const before = run.frames(camera).length;
  return run.until(`frames of ${camera}`, () => run.frames(camera).length >= before + more);
};
const sessionsOf = (camera: string) =>
  new Set(run.events.filter(({ subject }) => subject === camera).map(({ id }) => id.split('.')[0]));

test('one more camera is pulled; the first keeps its connection and its numbers', async () => {
  run = await new IngestRun([live('a', 0)]).start();
  await arrives('a', 3);
  expect(await replace(live('a', 0), live('b', 1))).toBe(true);
  await arrives('b', 3);
  await arrives('a', 3);
  expect(servers[0]!.connections).toBe(1);
  expect(sessionsOf('a').size).toBe(1);
  expect(run.stage.status!().cameras.map(({ camera, state }) => [camera, state])).toEqual([
    ['a', 'connected'],
    ['b', 'connected'],
  ]);
});

test('a camera that is taken away is let go of, and later stages hear of its end', async () => {
  run = await new IngestRun([live('a', 0), live('b', 1)]).start();
  await arrives('b', 3);
  await replace(live('a', 0));
  await run.until('b to be let go', () => servers[1]!.viewers === 0);
  expect(run.ended('b')).toBe(true);
  const last = run.frames('b').length;
  await arrives('a', 3);
  expect(run.frames('b')).toHaveLength(last);
  expect(run.ended('a')).toBe(false);
  expect(run.stage.status!().cameras.map(({ camera }) => camera)).toEqual(['a']);
});

test('another mask of the same camera is in force in the next pictures, and nobody hears of an end', async () => {
  run = await new IngestRun([live('a', 0), live('b', 1)]).start();
  await arrives('a', 3);
  expect(
    run
      .frames('a')
      .at(-1)!
      .pixels.some((value) => value > 0),
  ).toBe(true);
  const mask = [{ name: 'all', points: [0, 0, 1, 0, 1, 1, 0, 1] }];
  await replace(live('a', 0, { mask }), live('b', 1));
  await arrives('a', 1);
  expect(
    run
      .frames('a')
      .at(-1)!
      .pixels.every((value) => value === 0),
  ).toBe(true);
  expect(run.ended('a')).toBe(false);
  expect(servers.map(({ connections }) => connections)).toEqual([2, 1]);
});

test('another address ends what came from the old one', async () => {
  run = await new IngestRun([live('a', 0)]).start();
  await arrives('a', 3);
  await replace(live('a', 1));
  expect(run.ended('a')).toBe(true);
  await arrives('a', 3);
  await run.until('the old one to be let go', () => servers[0]!.viewers === 0);
});

test('a camera that begins to push instead is not pulled any more, and one that pushed is pulled', async () => {
  const push = cameraConfig('a', { type: 'Push' });
  run = await new IngestRun([push]).start();
  await replace(live('a', 0));
  await arrives('a', 3);
  await replace(push);
  await run.until('the old one to be let go', () => servers[0]!.viewers === 0);
  expect(run.report('a').message).toBe('waits for pictures');
});
