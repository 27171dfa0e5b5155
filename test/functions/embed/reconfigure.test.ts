// Embed while its task is edited: another interval, cameras that come and go.
import { expect, test } from '@jest/globals';
import { eventTypes, type StageEvent, type TrackletsData, type TracksData } from '../../../config/events.ts';
import type { ModelConfig, WorkerConfig } from '../../../config/worker.ts';
import { createEmbed } from '../../../functions/embed/handler.ts';
import { defaultTrackletOptions } from '../../../functions/embed/core/tracklets.ts';
import type { Context, Log } from '../../../functions/function.ts';

const lines: [string, object][] = [];
const info = (keys: object, message: string) => void lines.push([message, keys]);
const context = { now: () => 0, log: { info } as Partial<Log> as Log } as Context;
const dimensions = 8;
const model = {
  name: 'm',
  sha256: 'a'.repeat(64),
  dimensions,
  input: { width: 4, height: 8, resize: 'stretch' },
} as ModelConfig;

const open = () =>
  createEmbed({
    embed: async (_pixels, count) => new Float32Array(count * dimensions).fill(Math.sqrt(1 / dimensions)),
    model,
    options: defaultTrackletOptions,
    knownCameras: new Set(['a']),
    source: '/s',
  });

/** One person, walking; the first frame brings a crop. */
function frame(camera: string, second: number): StageEvent<TracksData> {
  const crop = { track: 1, quality: 1, time: second, width: 4, height: 8, pixels: new Uint8Array(96) };
  return {
    id: `${camera}-${second}`,
    source: `/s/detect/${camera}`,
    type: eventTypes.tracks,
    data: {
      camera,
      session: 's',
      sequence: second + 1,
      time: second,
      width: 100,
      height: 100,
      ids: Uint32Array.of(1),
      boxes: Float32Array.of(second, 0, second + 10, 40),
      scores: Float32Array.of(1),
      ended: new Uint32Array(),
      crops: second === 0 ? [crop] : [],
    },
  };
}

const edited = (stage: ReturnType<typeof open>, intervalS: number, ids = ['a']) =>
  stage.reconfigure!(
    {
      embed: { threads: 1, intervalS, params: {} },
      cameras: ids.map((id) => ({ id, source: { type: 'HTTP' } })),
    } as WorkerConfig,
    context,
  );

async function phases(stage: ReturnType<typeof open>, from: number, to: number): Promise<string[]> {
  const out: string[] = [];
  for (let second = from; second < to; second++) {
    const events = (await stage.handle(frame('a', second), context)) as StageEvent<TrackletsData>[];
    for (const { data } of events)
      out.push(...data.tracklets.map(({ phase, revision }) => `${second} ${phase} ${revision}`));
  }
  return out;
}

test('another interval is in force at once, and the track goes on with its next revision', async () => {
  const stage = open();
  expect(await phases(stage, 0, 8)).toEqual(['0 start 1', '5 update 2']);
  expect(await edited(stage, 2)).toBe(true);
  expect(await phases(stage, 8, 13)).toEqual(['8 update 3', '10 update 4', '12 update 5']);
});

test('a camera that comes is known at once; one that goes is refused, and its end still closes its tracks', async () => {
  const stage = open();
  await phases(stage, 0, 3);
  await edited(stage, 5, ['b']);
  await expect(stage.handle(frame('a', 3), context)).rejects.toThrow('camera a is not one of this worker: b');
  await stage.handle(frame('b', 0), context);
  const end = { ...frame('a', 4), type: eventTypes.stream, data: { camera: 'a', state: 'ended', time: 4 } };
  const [last, passedOn] = (await stage.handle(end, context)) as StageEvent<TrackletsData>[];
  expect(last!.data.tracklets).toMatchObject([{ phase: 'end', revision: 2 }]);
  const [told] = lines.filter(([message]) => message === 'track ended');
  expect(told![1]).toMatchObject({ camera: 'a', from: 0, to: 2, observations: 3, revision: 2 });
  expect(passedOn!.type).toBe(eventTypes.stream);
  expect(stage.status!().phase).toBe('Running');
});
