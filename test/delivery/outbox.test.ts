// The outbox against a real receiver and a real file: nothing lost, nothing out of order, and bounds that are said aloud.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Outbox, defaultOutboxOptions, type OutboxOptions } from '../../delivery/outbox.ts';
import { OutboxStore } from '../../delivery/outboxStore.ts';
import { startReceiver, until, type Receiver } from './receiver.ts';
import type { OutgoingEvent, Rank } from '../../delivery/eventRows.ts';

let folder: string;
let receiver: Receiver;
let lines: { level: string; keys: object; message: string }[];
let clockMs: number;
const open: Outbox[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'outbox-'));
  receiver = await startReceiver();
  lines = [];
  clockMs = 0;
});
afterEach(async () => {
  for (const outbox of open.splice(0)) await outbox.close();
  await receiver.close();
  rmSync(folder, { recursive: true, force: true });
});

const quick = {
  ...defaultOutboxOptions.delivery,
  firstDelayMs: 1,
  longestDelayMs: 5,
  timeoutMs: 200,
};

function outbox(options: Partial<OutboxOptions> = {}, url: string | undefined = receiver.url): Outbox {
  const at = (level: string) => (keys: object, message: string) => void lines.push({ level, keys, message });
  const made = new Outbox(
    { folder, delivery: quick, ...options },
    {
      resolve: () => url,
      log: { info: at('info'), warn: at('warn'), error: at('error') },
      nowMs: () => clockMs,
    },
  );
  open.push(made);
  return made;
}

function event(id: string, key = 'left', rank: Rank = 'lasting', size = 8): OutgoingEvent {
  return {
    envelope: {
      attributes: {
        specversion: '1.0',
        id,
        source: '/edge',
        type: 'test',
        partitionkey: key,
        datacontenttype: 'application/cbor',
      },
      data: { kind: 'bytes', parts: [Buffer.alloc(size, id)] },
    },
    target: 'match',
    rank,
  };
}

const nobody = 'http://127.0.0.1:1/';
const waitingIds = () => {
  const store = new OutboxStore(folder);
  const ids = store.next(['match'], 0, { events: 1000, bytes: Infinity }).map(({ id }) => id);
  store.close();
  return ids;
};

test('what was accepted arrives, in order, in compressed batches, byte for byte', async () => {
  const box = outbox();
  const ids = Array.from({ length: 300 }, (_, i) => `e${i}`);
  await Promise.all(ids.map((id) => box.accept(event(id))));
  await until(() => receiver.taken.length === 300, 'all delivered');
  expect(receiver.ids()).toEqual(ids);
  expect(receiver.taken[7]).toEqual(event('e7').envelope);
  expect(receiver.requests.length).toBeLessThan(10);
  const batch = receiver.requests.find((request) => request.ids.length > 1)!;
  expect(batch.headers).toMatchObject({
    'content-type': 'application/cloudevents-batch+json; charset=utf-8',
    'content-encoding': 'gzip',
  });
  await until(() => box.figures().waiting === 0, 'forgotten');
  expect(box.figures()).toMatchObject({ bytes: 0, delivered: 300, deadLetters: 0, retries: 0 });
});

test('a JSON value, a text and no data at all arrive as they were', async () => {
  const attributes = { specversion: '1.0', source: '/edge', type: 'test', partitionkey: 'a' };
  const envelopes: OutgoingEvent['envelope'][] = [
    { attributes: { ...attributes, id: '1' }, data: { kind: 'value', value: { a: [1, 'ö'] } } },
    { attributes: { ...attributes, id: '2' }, data: { kind: 'value', value: 'text' } },
    { attributes: { ...attributes, id: '3' }, data: { kind: 'none' } },
  ];
  const box = outbox();
  await Promise.all(envelopes.map((envelope) => box.accept({ envelope, target: 'match', rank: 'report' })));
  await until(() => receiver.taken.length === 3, 'delivered');
  expect(receiver.taken).toEqual(envelopes);
});

test('what was accepted is in the file at once, and a process after a kill delivers it', async () => {
  const dead = outbox({}, nobody);
  await Promise.all(['a', 'b', 'c'].map((id) => dead.accept(event(id))));
  // Never closed: that is what a kill looks like to the file.
  expect(waitingIds()).toEqual(['a', 'b', 'c']);
  outbox();
  await until(() => receiver.taken.length === 3, 'delivered by the next process');
  expect(receiver.ids()).toEqual(['a', 'b', 'c']);
});

test('an event that waits already is not stored again', async () => {
  const box = outbox({}, nobody);
  await Promise.all([box.accept(event('a')), box.accept(event('a')), box.accept(event('b'))]);
  await box.accept(event('a'));
  expect(waitingIds()).toEqual(['a', 'b']);
  expect(box.figures().waiting).toBe(2);
});

describe('tries again, in order', () => {
  test.each([401, 403, 404, 408, 409, 429, 500, 503])('after %d', async (status) => {
    receiver.answer = () => ({ status: receiver.requests.length < 3 ? status : 202 });
    const box = outbox();
    await Promise.all(['a', 'b', 'c'].map((id) => box.accept(event(id))));
    await until(() => receiver.taken.length === 3, 'delivered');
    expect(receiver.ids()).toEqual(['a', 'b', 'c']);
    await until(() => box.figures().problem === undefined, 'no problem any more');
    expect(box.figures()).toMatchObject({ retries: 3, deadLetters: 0 });
  });

  test('a receiver that is away and comes back', async () => {
    const { url } = receiver;
    await receiver.close();
    const box = outbox({}, url);
    await box.accept(event('a'));
    await until(() => /ECONNREFUSED/.test(box.figures().problem ?? ''), 'the reason is known');
    receiver = await startReceiver(Number(new URL(url).port));
    await box.accept(event('b'));
    await until(() => receiver.taken.length === 2, 'delivered');
    expect(receiver.ids()).toEqual(['a', 'b']);
  });

  test('not before the time the receiver asks for', async () => {
    receiver.answer = () =>
      receiver.requests.length === 0 ? { status: 429, headers: { 'retry-after': '60' } } : { status: 202 };
    const box = outbox();
    await box.accept(event('a'));
    await until(() => box.figures().retries === 1, 'asked to wait');
    await box.settle();
    expect(receiver.requests).toHaveLength(1);
    expect(box.figures()).toMatchObject({ waiting: 1, problem: '429' });
  });

  test('in smaller requests when no answer comes in time', async () => {
    receiver.answer = (ids) => (ids.length > 8 ? { status: 202, silent: true } : { status: 202 });
    const box = outbox();
    const ids = Array.from({ length: 20 }, (_, i) => `e${i}`);
    await Promise.all(ids.map((id) => box.accept(event(id))));
    await until(() => receiver.taken.length === 20, 'delivered');
    expect(receiver.ids()).toEqual(ids);
  });
});

describe('an event that is refused for good', () => {
  const poison = (ids: string[]) => ids.includes('e13');

  test('becomes a dead letter alone; the others arrive in order', async () => {
    receiver.answer = (ids) =>
      poison(ids) ? { status: 422, body: '{"detail":"data.tracklets: must be a list"}' } : { status: 202 };
    const box = outbox();
    const ids = Array.from({ length: 40 }, (_, i) => `e${i}`);
    await Promise.all(ids.map((id) => box.accept(event(id))));
    await until(() => receiver.taken.length === 39, 'the others are delivered');
    expect(receiver.ids()).toEqual(ids.filter((id) => id !== 'e13'));
    await until(() => box.figures().waiting === 0, 'nothing waits');
    expect(box.figures().deadLetters).toBe(1);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'error', keys: expect.objectContaining({ event: 'e13' }) as object }),
    );
    const store = new OutboxStore(folder);
    const [letter] = store.deadLetters();
    store.close();
    expect(letter).toMatchObject({ id: 'e13', status: 422, reason: 'data.tracklets: must be a list' });
  });

  test('waits again when somebody replays it, and the running process notices', async () => {
    receiver.answer = (ids) => ({ status: poison(ids) ? 400 : 202 });
    const box = outbox();
    await box.accept(event('e13'));
    await until(() => box.figures().deadLetters === 1, 'buried');
    receiver.answer = () => ({ status: 202 });
    const store = new OutboxStore(folder);
    expect(store.replay(store.deadLetters().map(({ number }) => number))).toBe(1);
    store.close();
    await until(() => receiver.taken.length === 1, 'delivered');
    expect(receiver.taken[0]).toEqual(event('e13').envelope);
    await until(() => box.figures().deadLetters === 0 && box.figures().waiting === 0, 'forgotten');
  });

  test('can be dropped', async () => {
    receiver.answer = () => ({ status: 400 });
    const box = outbox();
    await box.accept(event('a'));
    await until(() => box.figures().deadLetters === 1, 'buried');
    const store = new OutboxStore(folder);
    expect(store.drop(store.deadLetters().map(({ number }) => number))).toBe(1);
    expect(store.deadLetters()).toEqual([]);
    store.close();
  });

  test('of a receiver that knows no batches: all arrive, one by one', async () => {
    receiver.answer = (ids) => ({ status: ids.length > 1 ? 415 : 202 });
    const box = outbox();
    const ids = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(ids.map((id) => box.accept(event(id))));
    await until(() => receiver.taken.length === 5, 'delivered');
    expect(receiver.ids()).toEqual(ids);
    expect(receiver.requests.filter(({ answer }) => answer.status === 415)).toHaveLength(1);
  });

  test('only the newest are kept', async () => {
    receiver.answer = () => ({ status: 400 });
    const box = outbox({ maxDeadLetters: 3 });
    for (const id of ['a', 'b', 'c', 'd', 'e']) await box.accept(event(id));
    await until(() => box.figures().waiting === 0, 'all buried');
    const store = new OutboxStore(folder);
    expect(store.deadLetters().map(({ id }) => id)).toEqual(['c', 'd', 'e']);
    store.close();
  });
});

describe('bounds', () => {
  const size = 1000;
  const room = { maxBytes: 10 * (size + 200) };

  test('the oldest updates of a camera give way first, then the oldest of the rest; other cameras are untouched', async () => {
    const box = outbox(room, nobody);
    await box.accept(event('other', 'right', 'update', size));
    for (const id of ['s1', 's2', 's3', 's4', 's5']) await box.accept(event(id, 'left', 'lasting', size));
    for (const id of ['u1', 'u2', 'u3', 'u4']) await box.accept(event(id, 'left', 'update', size));
    for (const id of ['s6', 's7', 's8']) await box.accept(event(id, 'left', 'lasting', size));
    expect(waitingIds()).toEqual(['other', 's1', 's2', 's3', 's4', 's5', 'u3', 'u4', 's6', 's7', 's8']);
    for (const id of ['s9', 's10', 's11', 's12']) await box.accept(event(id, 'left', 'lasting', size));
    expect(waitingIds()).toEqual(['other', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11', 's12']);
    expect(box.figures()).toMatchObject({ waiting: 11, dropped: { room: 6, age: 0 } });
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        keys: expect.objectContaining({ key: 'left', rank: 'update', reason: 'room' }) as object,
      }),
    );
  });

  test('an event larger than all the room is refused', async () => {
    const box = outbox({ maxBytes: 500 }, nobody);
    await expect(box.accept(event('a', 'left', 'lasting', 600))).rejects.toThrow('larger than the outbox');
    expect(box.figures().waiting).toBe(0);
  });

  test('of the reports of one worker the newest are kept', async () => {
    const box = outbox({ maxReports: 3 }, nobody);
    await box.accept(event('track'));
    for (const id of ['a', 'b', 'c', 'd', 'e']) await box.accept(event(id, 'w/embed', 'report'));
    await box.accept(event('f', 'w/detect', 'report'));
    expect(waitingIds()).toEqual(['track', 'c', 'd', 'e', 'f']);
    expect(box.figures().dropped).toEqual({ room: 0, age: 0, superseded: 2 });
  });

  test('what waited too long is dropped; a night without power and a clock that is set do not count', async () => {
    const maxAgeMs = 60_000;
    const first = outbox({ maxAgeMs }, nobody);
    await first.accept(event('old'));
    clockMs += 40_000;
    await first.accept(event('new'));
    await first.close();
    // Another process, whose clock has nothing to do with that of the first.
    clockMs = 1e9;
    const second = outbox({ maxAgeMs }, nobody);
    clockMs += 15_000;
    expect(second.figures().oldestS).toBeCloseTo(55, 0);
    clockMs += 10_000;
    await until(() => second.figures().waiting === 1, 'the old one is dropped');
    expect(waitingIds()).toEqual(['new']);
    expect(second.figures().dropped).toEqual({ age: 1, room: 0, superseded: 0 });
  });
});

test('when events go elsewhere, what waits goes there too, before what comes later', async () => {
  const other = await startReceiver();
  try {
    const where: Record<string, string> = { match: nobody, status: other.url };
    const box = new Outbox(
      { folder, delivery: quick },
      { resolve: (target) => where[target], log: { info() {}, warn() {}, error() {} } },
    );
    open.push(box);
    await box.accept(event('a'));
    await box.accept({ ...event('s'), target: 'status' });
    await box.accept(event('b'));
    await until(() => other.ids().includes('s'), 'somebody is there for others already');
    where['match'] = other.url;
    box.redirect();
    await box.accept(event('c'));
    await until(() => other.ids().includes('c'), 'delivered');
    expect(other.ids().filter((id) => id !== 's')).toEqual(['a', 'b', 'c']);
    await until(() => box.figures().waiting === 0, 'forgotten');
  } finally {
    await other.close();
  }
});

test('a target that is new while events are on their way brings none of them twice', async () => {
  const box = outbox();
  const targets = Array.from({ length: 20 }, (_, i) => `t${i}`);
  const rest = targets.slice(1);
  receiver.answer = () => {
    const target = rest.shift();
    if (target !== undefined) void box.accept({ ...event(target), target });
    return { status: 202 };
  };
  await box.accept({ ...event('t0'), target: 't0' });
  await until(() => receiver.ids().includes('t19'), 'delivered');
  await until(() => box.figures().waiting === 0, 'forgotten');
  expect(receiver.ids()).toEqual(targets);
});

test('numbers outlive the process', async () => {
  const first = outbox({}, nobody);
  expect(first.recall('sequence')).toBe(0);
  first.remember('sequence', 1_700_000_000_123);
  await first.accept(event('a'));
  expect(outbox({}, nobody).recall('sequence')).toBe(1_700_000_000_123);
});

test('a damaged file is put aside, aloud, and the outbox works', async () => {
  writeFileSync(join(folder, 'outbox.db'), Buffer.alloc(8192, 'no database '));
  const box = outbox();
  await box.accept(event('a'));
  await until(() => receiver.taken.length === 1, 'delivered');
  expect(readFileSync(join(folder, 'outbox.db.damaged'), 'latin1')).toMatch(/^no database/);
  expect(lines).toContainEqual(expect.objectContaining({ level: 'error' }));
});

test('an event that is none is refused at once', async () => {
  const wrong = event('a');
  delete wrong.envelope.attributes['source'];
  await expect(outbox().accept(wrong)).rejects.toThrow('attribute source: is missing or empty');
});

test('trouble that lasts is told once, and its end', async () => {
  receiver.answer = () => ({ status: 503, body: 'away' });
  const box = outbox({ delivery: { ...quick, troubleAfterMs: 20 } });
  await box.accept(event('a'));
  const told = (message: string) => lines.filter((line) => line.message === message);
  await until(() => told('events wait').length > 0, 'the trouble is told');
  const before = receiver.requests.length;
  await until(() => receiver.requests.length > before + 5, 'more tries');
  receiver.answer = () => ({ status: 202 });
  await until(() => told('events arrive again').length > 0, 'its end is told');
  expect(told('events wait')).toEqual([
    { level: 'warn', message: 'events wait', keys: { url: receiver.url, reason: '503 away', waiting: 1 } },
  ]);
  await box.accept(event('b'));
  await until(() => receiver.taken.length === 2, 'the next one');
  expect(lines).toHaveLength(2);
});

test('settling waits for everything when the receiver takes it, and for nothing when it does not', async () => {
  const box = outbox();
  await Promise.all(Array.from({ length: 50 }, (_, i) => box.accept(event(`e${i}`))));
  await box.settle();
  expect(receiver.taken).toHaveLength(50);
  receiver.answer = () => ({ status: 503, headers: { 'retry-after': '60' } });
  await box.accept(event('later'));
  await box.settle();
  await box.close();
  expect(waitingIds()).toEqual(['later']);
});
