// Workers that share the cameras of a stage: each camera's events reach the one that has it, also through an outbox.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import { cleanUp, start, streamEnded, tracks, until, workerConfig } from './support.ts';
import type { WorkerConfig } from '../../../config/worker.ts';
import type { Context, StageFunction } from '../../../functions/function.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shards-'));
});
afterEach(async () => {
  await cleanUp();
  rmSync(folder, { recursive: true, force: true });
});

async function embedder() {
  const taken: string[] = [];
  const embed: StageFunction = { handle: async ({ id }) => void taken.push(id) };
  const { url } = await start({ embed });
  return { url, taken };
}

/** A worker of detect that emits what the test says. */
async function detector(config: Partial<WorkerConfig>) {
  let context!: Context;
  const detect: StageFunction = {
    handle: async () => undefined,
    init: async (given) => void (context = given),
    reconfigure: async () => true,
  };
  const worker = await start({ detect }, { config, delivery: { firstDelayMs: 5, longestDelayMs: 20 } });
  return { worker, emit: (...events: Parameters<Context['emit']>) => context.emit(...events) };
}

const both = [eventTypes.tracks, eventTypes.stream];

function addresses(one: { url: string; cameras: string[] }, other: { url: string; cameras: string[] }) {
  return {
    sinks: Object.fromEntries(both.map((type) => [type, one.url])),
    shards: Object.fromEntries(both.map((type) => [type, [one, other]])),
  };
}

test('events go to the worker that has their camera, and a camera that moves takes its later ones along', async () => {
  const [first, second] = [await embedder(), await embedder()];
  const before = addresses({ url: first.url, cameras: ['a'] }, { url: second.url, cameras: ['b'] });
  const { worker, emit } = await detector(before);
  for (const sequence of [1, 2]) for (const camera of ['a', 'b']) await emit(tracks(camera, sequence));
  await emit(streamEnded('b'));
  await until(() => first.taken.length + second.taken.length === 5, 'all are there');
  expect([first.taken, second.taken]).toEqual([
    ['a-1', 'a-2'],
    ['b-1', 'b-2', 'b-end'],
  ]);
  const after = addresses({ url: first.url, cameras: ['a', 'b'] }, { url: second.url, cameras: [] });
  const task = { ...workerConfig(['detect']).task, generation: 2 };
  expect(await worker.reconfigure(workerConfig(['detect'], { ...after, task }))).toBe('unchanged');
  await emit(tracks('b', 3));
  await until(() => first.taken.includes('b-3'), 'it went to the other one');
  expect(second.taken).toHaveLength(3);
});

test('what waits in an outbox goes to the worker that has its camera', async () => {
  const [first, second] = [await embedder(), await embedder()];
  const { emit } = await detector({
    ...addresses({ url: first.url, cameras: ['a'] }, { url: second.url, cameras: ['b'] }),
    outbox: { folder, maxBytes: 1 << 20, maxAgeS: 3600, types: [eventTypes.stream] },
  });
  await emit(streamEnded('a'));
  await emit(streamEnded('b'));
  await until(() => first.taken.length + second.taken.length === 2, 'both are there');
  expect([first.taken, second.taken]).toEqual([['a-end'], ['b-end']]);
});
