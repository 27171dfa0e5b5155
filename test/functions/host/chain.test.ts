import { afterEach, describe, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import { checkRoutes, destination } from '../../../functions/host/chain.ts';
import { cleanUp, frame, functionList, start, streamEnded, tracks } from './support.ts';
import type { FrameData, StageEvent } from '../../../config/events.ts';
import type { StageName } from '../../../config/worker.ts';
import type { Context, StageFunction } from '../../../functions/function.ts';

afterEach(cleanUp);

const functions = functionList();
const options = (stages: StageName[], sinks: Record<string, string> = {}) => ({
  functions,
  stages,
  sinks,
  waitMs: 1000,
});

describe('destination', () => {
  test.each<[string, StageName[], StageName | undefined, string, string]>([
    ['frames of ingest go to detect', ['ingest', 'detect'], 'ingest', eventTypes.frame, 'detect'],
    [
      'stream goes to the next stage only',
      ['ingest', 'detect', 'embed', 'match'],
      'detect',
      eventTypes.stream,
      'embed',
    ],
    [
      'stream of ingest goes to detect',
      ['ingest', 'detect', 'embed', 'match'],
      'ingest',
      eventTypes.stream,
      'detect',
    ],
    ['stream skips no stage of another worker', ['detect', 'match'], 'detect', eventTypes.stream, 'sink'],
    ['stream of match ends', ['match', 'status'], 'match', eventTypes.stream, 'sink'],
    ['reports go to status', ['match', 'status'], 'status', eventTypes.report, 'status'],
    ['unknown types go to their sink', ['match'], 'match', 'com.example.other', 'nowhere'],
  ])('%s', (_what, stages, from, type, expected) => {
    const to = destination(options(stages, { [eventTypes.stream]: 'http://next/' }), type, from);
    expect(to.kind === 'stage' ? to.stage : to.kind).toBe(expected);
  });

  test('the default sink takes what no sink names', () => {
    const to = destination(
      { ...options(['embed']), defaultSink: 'http://broker/' },
      eventTypes.tracklets,
      'embed',
    );
    expect(to).toEqual({ kind: 'sink', url: 'http://broker/' });
  });

  test('one type cannot go to two workers', () => {
    expect(() => checkRoutes(options(['ingest', 'embed']))).toThrow(
      /stages: stream would go to detect and to match/,
    );
  });

  test('types that nothing takes are listed', () => {
    expect(checkRoutes(options(['detect'], { [eventTypes.stream]: 'http://x/' })).unrouted).toEqual([
      eventTypes.tracks,
    ]);
  });
});

/** Stages that pass on a derivation of what they get; `seen` is what reached the last one. */
function derivingStages() {
  const seen: string[] = [];
  let source: Context | undefined;
  const pass = (stage: string, event: StageEvent) => ({
    ...event,
    source: `/test/${stage}/${event.subject}`,
  });
  const ingest: StageFunction = {
    init: async (context) => void (source = context),
    handle: async () => undefined,
  };
  const detect: StageFunction = {
    async handle(event) {
      if (event.type === eventTypes.stream) return pass('detect', event);
      const { camera, sequence, pixels } = event.data as FrameData;
      const output = tracks(camera, sequence, pixels[0]! % 5);
      output.data.crops[0]!.pixels.set(pixels.subarray(0, 24));
      return output;
    },
  };
  const embed: StageFunction = {
    async handle(event) {
      const { id, partitionkey: key, traceparent: trace, data } = event;
      seen.push(JSON.stringify({ id, key, trace, data }));
    },
  };
  return { seen, stages: { ingest, detect, embed }, emit: (event: StageEvent) => source!.emit(event) };
}

async function feed(emit: (event: StageEvent) => Promise<void>) {
  const cameras = ['a', 'b'].map(async (camera) => {
    for (let i = 1; i <= 20; i++)
      await emit({
        ...frame(camera, i),
        traceparent: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333${i % 10}-01`,
      });
    await emit(streamEnded(camera));
  });
  await Promise.all(cameras);
}

test('one process and one process a stage give the same events in the same order per camera', async () => {
  const together = derivingStages();
  const one = await start(together.stages);
  await feed(together.emit);
  await one.drain();

  const apart = derivingStages();
  const embed = await start({ embed: apart.stages.embed });
  const next = (url: string, ...names: (keyof typeof eventTypes)[]) => ({
    config: { sinks: Object.fromEntries(names.map((name) => [eventTypes[name], url])) },
  });
  const detect = await start({ detect: apart.stages.detect }, next(embed.url, 'tracks', 'stream'));
  const ingest = await start({ ingest: apart.stages.ingest }, next(detect.url, 'frame', 'stream'));
  await feed(apart.emit);
  for (const worker of [ingest, detect, embed]) await worker.drain();

  const ofCamera = (seen: string[], camera: string) =>
    seen.filter((line) => line.includes(`"key":"${camera}"`));
  for (const camera of ['a', 'b']) {
    expect(ofCamera(together.seen, camera)).toHaveLength(21);
    expect(ofCamera(apart.seen, camera)).toEqual(ofCamera(together.seen, camera));
  }
});
