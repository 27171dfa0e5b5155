// How long an accepted event waits for the next stage: of recordings for ever, of other cameras until it is given up.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import type { CameraConfig } from '../../../config/worker.ts';
import { startReceiver, type Receiver } from '../../delivery/receiver.ts';
import { cleanUp, frame, recordingLog, start, until } from './support.ts';

let next: Receiver;
beforeEach(async () => {
  next = await startReceiver();
});
afterEach(async () => {
  await cleanUp();
  await next.close();
});

const camera = (id: string, type: 'File' | 'RTSP'): CameraConfig => ({
  id,
  source: { type, realtime: false, transport: 'TCP' },
  mask: [],
});

/** A stage that hands frames on; whatever is not taken within a moment is late. */
async function passing(status: number) {
  const { lines, log } = recordingLog();
  let tries = 0;
  next.answer = () => ({ status: ++tries < 40 ? status : 202, body: '{"detail":"not now"}' });
  const worker = await start(
    { detect: { handle: async (event) => ({ ...event, source: '/passed', type: eventTypes.tracks }) } },
    {
      log,
      config: {
        cameras: [camera('film', 'File'), camera('live', 'RTSP')],
        sinks: { [eventTypes.tracks]: next.url },
      },
      retry: { firstDelayMs: 1, longestDelayMs: 5, giveUpAfterMs: 20, triesOnFault: 1 },
      emitter: { firstDelayMs: 1, longestDelayMs: 5, deadlineMs: 10, troubleAfterMs: 0 },
    },
  );
  const [stage] = worker.stages;
  const put = (id: string, number: number) =>
    stage!.inbox.put(frame(id, number), 1000, { reply: false, keepTrying: true, waitMs: 0 });
  return { lines, put };
}

const said = (lines: { message: string }[], words: string) =>
  lines.filter(({ message }) => message === words);

test.each([401, 503])(
  'recordings wait for a next stage that answers %d, however long that is',
  async (status) => {
    const { lines, put } = await passing(status);
    for (const number of [1, 2, 3]) await put('film', number);
    await until(() => next.taken.length === 3, 'all have arrived');
    expect(next.ids()).toEqual(['film-1', 'film-2', 'film-3']);
    expect(said(lines, 'event given up')).toEqual([]);
    expect(said(lines, 'the next stage takes nothing')).toMatchObject([
      { keys: { url: next.url, reason: `${status} not now` } },
    ]);
    expect(said(lines, 'the next stage takes events again')).toHaveLength(1);
  },
);

test.each([401, 503])(
  'frames of a live camera are given up in the end, which is said (%d)',
  async (status) => {
    const { lines, put } = await passing(status);
    next.answer = () => ({ status });
    await put('live', 1);
    await until(() => said(lines, 'event given up').length === 1, 'it is given up');
    expect(said(lines, 'event given up')[0]!).toMatchObject({ keys: { event: 'live-1', reason: 'expired' } });
    expect(next.taken).toEqual([]);
  },
);

test('what will never be taken is no matter of patience', async () => {
  const { lines, put } = await passing(422);
  await put('film', 1);
  await until(() => said(lines, 'event given up').length === 1, 'it is given up');
  expect(said(lines, 'event given up')[0]!).toMatchObject({ keys: { reason: 'refused' } });
  expect(next.requests).toHaveLength(1);
});
