// Outboxes of workers that are stopped, as real workers fill them: whoever is erased is in no byte of them, and what is left of
// the events arrives as before.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { forgetOutboxes } from '../../cli/forgetOutboxes.ts';
import { eventTypes, type StageEvent, type Tracklet, type TrackletsData } from '../../config/events.ts';
import { Outbox } from '../../delivery/outbox.ts';
import type { EventRow } from '../../delivery/eventRows.ts';
import { OutboxStore } from '../../delivery/outboxStore.ts';
import { fromEnvelope, toEnvelope } from '../../functions/host/codec.ts';
import { startReceiver, until, type Receiver } from '../delivery/receiver.ts';
import { silent } from '../functions/host/support.ts';
import { random } from '../functions/match/world.ts';

const dimensions = 64;
let folder: string;
let receiver: Receiver;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mei-forget-outboxes-'));
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Of a track, the same ones each time: all that is known of how somebody looks, and where they went. */
function traits(camera: string, track: string): { vector: Int8Array; path: Float32Array } {
  const next = random([...`${camera}/${track}`].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7));
  const vector = Int8Array.from({ length: dimensions }, () => Math.floor(next() * 255) - 127);
  return { vector, path: Float32Array.from({ length: 15 }, (_, i) => (i % 5 === 0 ? i / 5 : next())) };
}

function tracklet(camera: string, track: string, revision: number): Tracklet {
  const { vector, path } = traits(camera, track);
  const prototype = { slot: 0, vector, scale: 0.01, quality: 0.5, time: 1.5, weight: 2 };
  const phase = revision === 1 ? 'start' : 'update';
  return { track, phase, revision, from: 1, to: 2, observations: 3, path, prototypes: [prototype] };
}

function tracklets(camera: string, id: string, tracks: string[], revision = 1): StageEvent<TrackletsData> {
  return {
    id,
    source: `/namespaces/default/multiedgeinferences/shop/embed/${camera}`,
    type: eventTypes.tracklets,
    partitionkey: camera,
    data: {
      camera,
      model: 'ab'.repeat(32),
      dimensions,
      image: { width: 640, height: 480 },
      tracklets: tracks.map((track) => tracklet(camera, track, revision)),
    },
  };
}

const ended = (camera: string): StageEvent => ({
  id: `${camera}-end`,
  source: '/embed',
  type: eventTypes.stream,
  partitionkey: camera,
  data: { camera, state: 'ended', time: 9 },
});

/** A worker's outbox; its receiver is away until `receiver.answer` says otherwise. */
function open(worker: string): Outbox {
  const delivery = { ...fast, batch: { events: 256, bytes: 1 << 20 }, troubleAfterMs: 60_000 };
  return new Outbox({ folder: join(folder, worker), delivery }, { resolve: () => receiver.url, log: silent });
}
const fast = { timeoutMs: 2000, deadlineMs: 5000, firstDelayMs: 1, longestDelayMs: 5, connections: 1 };

async function keep(outbox: Outbox, events: StageEvent[]): Promise<void> {
  for (const event of events) {
    const envelope = toEnvelope(event);
    await outbox.accept({ envelope, target: event.type, rank: 'lasting' });
  }
}

/** Fills the outbox of a worker that is stopped then, as a run that ends while the cloud is away leaves it. */
async function fill(worker: string, events: StageEvent[], poison: StageEvent[] = []): Promise<void> {
  const dead = new Set(poison.map(({ id }) => id));
  receiver.answer = (ids) => ({ status: ids.every((id) => dead.has(id)) ? 422 : 503, body: 'not valid' });
  const outbox = open(worker);
  await keep(outbox, poison);
  await until(() => outbox.figures().deadLetters === poison.length, 'the poison is buried');
  await keep(outbox, events);
  await outbox.close();
}

/** What arrives once the worker runs again, in order. */
async function delivered(worker: string, count: number): Promise<StageEvent[]> {
  receiver.answer = () => ({ status: 202 });
  const outbox = open(worker);
  const store = new OutboxStore(join(folder, worker));
  store.replay(store.deadLetters().map(({ number }) => number));
  store.close();
  await until(() => receiver.taken.length >= count, `${count} events`);
  await until(() => outbox.figures().waiting === 0, 'nothing waits');
  await outbox.close();
  return receiver.taken.map((envelope) => fromEnvelope(envelope));
}

function bytesOf(worker: string): Buffer {
  const place = join(folder, worker);
  return Buffer.concat(readdirSync(place).map((name) => readFileSync(join(place, name))));
}

function isIn(bytes: Buffer, camera: string, track: string): boolean {
  const { vector, path } = traits(camera, track);
  // Whole vectors, parts of them that a page may have kept, the path, and the name.
  const parts = [
    Buffer.from(vector.buffer),
    Buffer.from(vector.buffer, 16, 24),
    Buffer.from(path.buffer, 4, 16),
  ];
  return [...parts, Buffer.from(track)].some((part) => bytes.includes(part));
}

test('several people are taken out of what waits; everything else arrives, in order', async () => {
  const many = Array.from({ length: 1200 }, (_, i) =>
    tracklets('left', `many-${i}`, i % 3 === 0 ? ['anna', 'else'] : ['else'], i + 1),
  );
  const events = [
    tracklets('left', 'alone', ['anna']),
    tracklets('left', 'mixed', ['else', 'anna', 'bert']),
    tracklets('right', 'other camera', ['anna']),
    ...many,
    ended('left'),
  ];
  await fill('edge', events);
  const before = bytesOf('edge');
  for (const track of ['anna', 'bert', 'else']) expect(isIn(before, 'left', track)).toBe(true);

  forgetOutboxes(folder, [
    { camera: 'left', track: 'anna' },
    { camera: 'left', track: 'bert' },
  ]);
  const after = bytesOf('edge');
  expect(isIn(after, 'left', 'bert')).toBe(false);
  const { vector, path } = traits('left', 'anna');
  expect(after.includes(Buffer.from(vector.buffer, 8, 32))).toBe(false);
  expect(after.includes(Buffer.from(path.buffer, 4, 16))).toBe(false);
  // A track of the same name in another camera is somebody else.
  expect(isIn(after, 'right', 'anna')).toBe(true);
  expect(isIn(after, 'left', 'else')).toBe(true);

  const store = new OutboxStore(join(folder, 'edge'));
  const kept = store.next(store.targets(), 0, { events: 5000, bytes: Infinity });
  // The bound of the outbox counts what lies there.
  for (const { bytes, attributes, data } of kept)
    expect(bytes).toBe(Buffer.byteLength(attributes) + Buffer.byteLength(data!));
  store.close();

  const arrived = await delivered('edge', events.length - 1);
  expect(arrived.map(({ id }) => id)).toEqual(events.map(({ id }) => id).filter((id) => id !== 'alone'));
  expect(receiver.requests.some(({ headers }) => headers['content-encoding'] === 'gzip')).toBe(true);
  for (const [i, { data, type }] of arrived.entries()) {
    if (type !== eventTypes.tracklets) continue;
    const { camera, tracklets: found } = data as TrackletsData;
    const sent = events[i + 1]!.data as TrackletsData;
    const left = sent.tracklets.filter(({ track }) => camera === 'right' || track === 'else');
    expect(found.map(({ track, revision }) => [track, revision])).toEqual(
      left.map(({ track, revision }) => [track, revision]),
    );
    expect(found[0]!.prototypes[0]!.vector).toEqual(left[0]!.prototypes[0]!.vector);
  }
});

test('dead letters are searched too; one that nobody can read goes when it is of the same camera', async () => {
  await fill(
    'edge',
    [],
    [tracklets('left', 'poison', ['anna', 'else']), tracklets('left', 'only', ['anna'])],
  );
  const store = new OutboxStore(join(folder, 'edge'));
  const row = (camera: string, id: string): EventRow => {
    const { attributes } = toEnvelope(tracklets(camera, id, []));
    const data = Buffer.from([0xff, 0x00, ...traits('left', 'anna').vector]);
    const rest = { target: 't', key: camera, rank: 2, bytes: 9, source: String(attributes['source']), id };
    return { ...rest, attributes: JSON.stringify(attributes), data };
  };
  store.write([row('left', 'unreadable'), row('right', 'elsewhere')], 0, [], new Map());
  for (const { seq } of store.next(['t'], 0, { events: 9, bytes: Infinity }))
    store.bury(seq, 400, 'no CBOR', 0, 99);
  store.close();

  forgetOutboxes(folder, [{ camera: 'left', track: 'anna' }]);
  const opened = new OutboxStore(join(folder, 'edge'));
  const letters = opened.deadLetters();
  opened.close();
  expect(letters.map(({ id, status }) => [id, status])).toEqual([
    ['poison', 422],
    ['elsewhere', 400],
  ]);
  const { data } = fromEnvelope({
    attributes: JSON.parse(letters[0]!.attributes) as never,
    data: { kind: 'bytes', parts: [letters[0]!.data as Uint8Array] },
  }) as StageEvent<TrackletsData>;
  expect(data.tracklets.map(({ track }) => track)).toEqual(['else']);
});

test('what was delivered before is in no free page either', async () => {
  receiver.answer = () => ({ status: 202 });
  const outbox = open('edge');
  await keep(outbox, [tracklets('left', 'gone', ['anna']), tracklets('left', 'gone too', ['else'])]);
  await until(() => receiver.taken.length === 2, 'both have arrived');
  await until(() => outbox.figures().waiting === 0, 'nothing waits');
  await outbox.close();
  expect(isIn(bytesOf('edge'), 'left', 'anna')).toBe(true);
  forgetOutboxes(folder, [{ camera: 'left', track: 'anna' }]);
  expect(isIn(bytesOf('edge'), 'left', 'anna')).toBe(false);
});

test('the outboxes of all workers are searched, also after a kill in the middle of writing', async () => {
  await fill('left-edge', [tracklets('left', 'one', ['anna', 'else'])]);
  // Nothing of it is in the file itself yet: a killed process leaves all in the log of the database.
  const script = `
    const { OutboxStore } = await import('./delivery/outboxStore.ts');
    const { rowOf } = await import('./delivery/eventRows.ts');
    const store = new OutboxStore(${JSON.stringify(join(folder, 'right-edge'))});
    const parts = [Buffer.from(process.env.BODY, 'base64')];
    store.write([rowOf({ envelope: { attributes: JSON.parse(process.env.ATTRIBUTES), data: { kind: 'bytes', parts } }, target: 't', rank: 'lasting' })], 0, [], new Map());
    process.kill(process.pid, 'SIGKILL');`;
  const { attributes, data } = toEnvelope(tracklets('right', 'two', ['anna', 'else']));
  const body = data.kind === 'bytes' ? Buffer.concat(data.parts).toString('base64') : '';
  expect(() =>
    execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      env: { ...process.env, BODY: body, ATTRIBUTES: JSON.stringify(attributes) },
      stdio: 'ignore',
    }),
  ).toThrow();
  expect(existsSync(join(folder, 'right-edge', 'outbox.db-wal'))).toBe(true);
  expect(isIn(bytesOf('right-edge'), 'right', 'anna')).toBe(true);

  forgetOutboxes(folder, [
    { camera: 'left', track: 'anna' },
    { camera: 'right', track: 'anna' },
  ]);
  for (const [worker, camera] of [
    ['left-edge', 'left'],
    ['right-edge', 'right'],
  ] as const) {
    expect(isIn(bytesOf(worker), camera, 'anna')).toBe(false);
    expect(isIn(bytesOf(worker), camera, 'else')).toBe(true);
  }
});

test('a run without outboxes, and folders of workers without one, are no trouble', () => {
  forgetOutboxes(join(folder, 'nothing'), [{ camera: 'left', track: 'anna' }]);
  expect(readdirSync(folder)).toEqual([]);
});
