// Three workers of one chain, of which a later one loses its memory: the recording comes again from its beginning, and nothing
// of its middle is mistaken for one.
import { afterEach, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import { BeginAgainError } from '../../../functions/function.ts';
import { WholeRecordings } from '../../../functions/wholeRecordings.ts';
import { cleanUp, frame, functionList, start, streamEnded, until } from './support.ts';
import type { FrameData, StageEvent } from '../../../config/events.ts';
import type { Context, StageFunction } from '../../../functions/function.ts';

afterEach(cleanUp);

/** Takes recordings from their beginning only, and passes each event on. */
function remembering(handled: string[], type?: string): StageFunction {
  const whole = new WholeRecordings(['a']);
  return {
    admit({ data }) {
      const { camera, begins = false } = data as FrameData;
      whole.admit(camera, camera, begins);
    },
    beginAgain: async (camera) => whole.forget(camera),
    async handle(event) {
      handled.push(event.id);
      if (type === undefined) return undefined;
      return { ...event, source: `/passed/on`, ...(event.type === eventTypes.frame && { type }) };
    },
  };
}

const part = (number: number, begins = false): StageEvent<FrameData> => {
  const event = frame('a', number);
  return { ...event, data: { ...event.data, ...(begins && { begins }) } };
};

async function sourceTo(url: string, types: string[]) {
  let context!: Context;
  const ingest: StageFunction = {
    handle: async () => undefined,
    init: async (given) => void (context = given),
  };
  await start({ ingest }, { config: { sinks: Object.fromEntries(types.map((type) => [type, url])) } });
  return (event: StageEvent) => context.emit(event);
}

test('the middle of a recording is refused with 412, its beginning taken', async () => {
  const handled: string[] = [];
  const { url } = await start({ detect: remembering(handled) });
  const emit = await sourceTo(url, [eventTypes.frame]);
  await expect(emit(part(5))).rejects.toBeInstanceOf(BeginAgainError);
  await emit(part(1, true));
  await emit(part(2));
  await until(() => handled.length === 2, 'handled');
  expect(handled).toEqual(['a-1', 'a-2']);
});

test('what a later stage lacks reaches the source, and what was handled before is handled again', async () => {
  const early: string[] = [];
  const late: string[] = [];
  // A stage of made-up events: frames go on as frames.
  const second = await start({ detect: remembering(late) });
  const first = await start(
    { ingest: remembering(early, eventTypes.frame) },
    {
      config: { sinks: { [eventTypes.frame]: second.url, [eventTypes.stream]: second.url } },
      functions: images(),
    },
  );
  const emit = await sourceTo(first.url, [eventTypes.frame, eventTypes.stream]);
  await emit(part(1, true));
  await until(() => late.length === 1, 'handled by the later one');
  // The later one is killed and starts at the same address with nothing in its memory.
  await second.drain();
  const anew: string[] = [];
  await start({ detect: remembering(anew) }, { port: second.port });
  await emit(part(2));
  await expect(emit(streamEnded('a'))).rejects.toBeInstanceOf(BeginAgainError);
  for (const event of [part(1, true), part(2), streamEnded('a')]) await emit(event);
  expect(anew).toEqual(['a-1', 'a-2', 'a-end']);
  expect(early.filter((id) => id === 'a-1')).toHaveLength(2);
});

/** The list of functions, with an ingest that takes frames. */
function images() {
  return functionList({ ingest: { consumes: ['frame', 'stream'], produces: ['frame', 'stream'] } });
}
