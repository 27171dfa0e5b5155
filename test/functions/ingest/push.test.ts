import { afterEach, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { eventTypes, type FrameData, type ImageData, type StageEvent } from '../../../config/events.ts';
import { PermanentError } from '../../../functions/function.ts';
import { cameraConfig, IngestRun } from '../../support/ingestRun.ts';

let run: IngestRun;
afterEach(async () => run.stop());

async function start(more = {}): Promise<void> {
  run = await new IngestRun([cameraConfig('door', { type: 'Push' }, more)]).start();
}

async function picture(): Promise<Buffer> {
  return await sharp({ create: { width: 32, height: 24, channels: 3, background: '#fff' } })
    .jpeg()
    .toBuffer();
}

async function push(
  data: Partial<ImageData>,
  event: Partial<StageEvent> = {},
): Promise<StageEvent<FrameData> | undefined> {
  const image: ImageData = { camera: 'door', contentType: 'image/jpeg', bytes: await picture(), ...data };
  const full = { id: '1', source: '/cameras/door', type: eventTypes.image, ...event, data: image };
  return (await run.stage.handle(full, run.context)) as StageEvent<FrameData> | undefined;
}

test('a picture becomes a frame with the time it says', async () => {
  await start();
  const frame = await push({ time: 1234.5 });
  expect(frame).toMatchObject({ type: eventTypes.frame, subject: 'door', partitionkey: 'door' });
  expect(frame!.data).toMatchObject({ camera: 'door', sequence: 1, time: 1234.5, width: 32, height: 24 });
  expect(frame!.data.pixels.byteLength).toBe(32 * 24 * 3);
  expect(run.report('door')).toMatchObject({ state: 'connected', frames: 1 });
});

test('without a time of its own it has that of the event, and else that of its arrival', async () => {
  await start();
  expect((await push({}, { time: '2020-01-01T00:00:00Z' }))!.data.time).toBe(1_577_836_800);
  const before = Date.now() / 1000;
  const { time } = (await push({}, { id: '2' }))!.data;
  expect(time).toBeGreaterThanOrEqual(before);
  expect(time).toBeLessThanOrEqual(Date.now() / 1000);
});

test('the id derives from the event: a repeat is the same frame or none', async () => {
  await start();
  const first = await push({ time: 10 }, { id: 'x' });
  const other = await push({ time: 11 }, { id: 'y' });
  expect(first!.id).not.toBe(other!.id);
  expect(await push({ time: 10 }, { id: 'x' })).toBeUndefined();
  await start();
  expect((await push({ time: 10 }, { id: 'x' }))!.id).toBe(first!.id);
});

test('pictures that come too late are dropped and counted', async () => {
  await start();
  await push({ time: 10 });
  expect(await push({ time: 9 })).toBeUndefined();
  expect(run.report('door')).toMatchObject({ frames: 1, dropped: 1 });
});

test('the fps limit holds for pushed pictures too', async () => {
  await start({ fps: 2 });
  const taken = [];
  for (const time of [10, 10.1, 10.4, 10.5, 10.9, 11]) if (await push({ time })) taken.push(time);
  expect(taken).toEqual([10, 10.5, 11]);
});

test('masked zones are black', async () => {
  await start({ mask: [{ name: 'left', points: [0, 0, 0.5, 0, 0.5, 1, 0, 1] }] });
  const { pixels } = (await push({ time: 1 }))!.data;
  expect([...pixels.subarray(0, 48)]).toEqual(Array(48).fill(0));
  expect(pixels[48]).toBeGreaterThan(250);
});

test.each<[string, () => Promise<Partial<ImageData>>, RegExp]>([
  [
    'noise',
    async () => ({ bytes: Buffer.from('nothing like a picture') }),
    /^camera door: picture refused: 22 bytes are not JPEG/,
  ],
  [
    'another type than it says',
    async () => ({ contentType: 'image/png' }),
    /it says image\/png but is image\/jpeg$/,
  ],
  ['cut off', async () => ({ bytes: (await picture()).subarray(0, -30) }), /is corrupt or cut off/],
  ['gigantic', gigantic, /has more than 25 million pixels$/],
  [
    'from tomorrow',
    async () => ({ time: Date.now() / 1000 + 86_400 }),
    /its time lies 86[34]\d\d s in the future$/,
  ],
  ['for a stranger', async () => ({ camera: 'window' }), /^camera window is not one of this worker$/],
])('a picture that is %s is refused for good, and the next one is taken', async (_what, make, message) => {
  await start();
  const refused = push(await make());
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toBeInstanceOf(PermanentError);
  expect(await push({}, { id: '2' })).toBeDefined();
  expect(run.report('door').state).toBe('connected');
});

test('a camera that is pulled takes no pictures', async () => {
  run = await new IngestRun([cameraConfig('film', { uri: '/no/such.mp4' })]).start();
  await expect(push({ camera: 'film' })).rejects.toThrow('camera film is pulled, not pushed');
});

async function gigantic(): Promise<Partial<ImageData>> {
  const create = { width: 6000, height: 6000, channels: 3 as const, background: 'red' };
  return { bytes: await sharp({ create }).png().toBuffer(), contentType: 'image/png' };
}
