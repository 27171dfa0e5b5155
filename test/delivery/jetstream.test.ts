// Events through a real JetStream server: stored before the outbox forgets them, in order for each camera, once each, and what nobody can
// handle is told.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { jetstreamManager, RetentionPolicy, type StreamConfig } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { PermanentError, TransientError } from '../../config/errors.ts';
import { onNats, startNats, type NatsServer } from '../support/nats.ts';
import { until } from './receiver.ts';
import {
  event,
  numbered,
  ofKey,
  sender,
  streamConfig,
  taker,
  upTo,
  type Sender,
  type Taker,
} from './streamWorld.ts';

onNats('JetStream', () => {
  let server: NatsServer;
  let observer: NatsConnection;
  let folder: string;
  const open: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    server = await startNats();
    observer = await connect({ servers: `127.0.0.1:${server.port}` });
  });
  afterAll(async () => {
    await observer.close();
    await server.stop();
    rmSync(server.folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'jetstream-'));
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
    const admin = await jetstreamManager(observer);
    for await (const { config } of admin.streams.list()) await admin.streams.delete(config.name);
    rmSync(folder, { recursive: true, force: true });
  });

  function from(
    name: string,
    ...rest: Parameters<typeof sender> extends [string, ...infer Rest] ? Rest : never
  ): Sender {
    const made = sender(join(folder, name), ...rest);
    open.push(made);
    return made;
  }
  function to(...parts: Parameters<typeof taker>): Taker {
    const made = taker(...parts);
    open.push({ close: () => made.stop() });
    return made;
  }
  const config = (more: Parameters<typeof streamConfig>[1] = {}) => streamConfig(server.url, more);
  const stored = async (subject: string) => {
    const admin = await jetstreamManager(observer);
    const { state } = await admin.streams.info(config().stream, { subjects_filter: subject });
    return state.subjects ?? {};
  };

  test('events of several cameras arrive once, in order, as the binding says', async () => {
    const { outbox } = from('edge', config());
    const match = to(config());
    const events = upTo(300).flatMap((i) => ['left', 'right'].map((key) => event(`${key}-${i}`, key)));
    await Promise.all(events.map((each) => outbox.accept(each)));
    await until(() => match.taken.length === 600, 'all are taken');
    expect(ofKey(match.taken, 'left')).toEqual(upTo(300));
    expect(ofKey(match.taken, 'right')).toEqual(upTo(300));
    expect(match.envelopes[0]!.attributes).toEqual(events[0]!.envelope.attributes);
    expect(Buffer.from((match.envelopes[0]!.data as { parts: Uint8Array[] }).parts[0]!)).toEqual(
      Buffer.alloc(8, 'left-1'),
    );
    await until(() => outbox.figures().waiting === 0, 'the outbox is empty');
    const admin = await jetstreamManager(observer);
    const first = await admin.streams.getMessage(config().stream, { seq: 1 });
    expect(first!.subject).toBe('mei.shop.queue.c0ffee00.hub.queue-match.tracklets.left');
    expect(first!.header.get('ce-datacontenttype')).toBe('application/cbor');
    expect(first!.header.get('ce-id')).toBe('left-1');
    expect(first!.header.get('content-type')).toBe('');
  });

  test('what is sent again is stored once', async () => {
    const one = from('one', config());
    const other = from('other', config());
    await Promise.all(numbered('left', 1, 50).map((each) => one.outbox.accept(each)));
    await until(() => one.outbox.figures().delivered === 50, 'sent');
    await Promise.all(numbered('left', 1, 60).map((each) => other.outbox.accept(each)));
    await until(() => other.outbox.figures().delivered === 60, 'sent again');
    const match = to(config());
    await until(() => match.taken.length >= 60, 'taken');
    expect(ofKey(match.taken, 'left')).toEqual(upTo(60));
  });

  test('an event that cannot be handled now holds up its camera, and no other', async () => {
    const { outbox } = from('edge', config());
    const match = to(config(), { perKey: 1 });
    let isBusy = true;
    match.judge = (id) => {
      if (id === 'left-3' && isBusy) throw new TransientError('busy', { retryAfterMs: 1 });
    };
    await Promise.all(
      upTo(20).flatMap((i) => ['left', 'right'].map((key) => outbox.accept(event(`${key}-${i}`, key)))),
    );
    await until(() => ofKey(match.taken, 'right').length === 20, 'the other camera goes on');
    expect(ofKey(match.taken, 'left')).toEqual([1, 2]);
    await until(() => match.receiver.figures().retries > 2, 'tried again and again');
    isBusy = false;
    await until(() => match.taken.length === 40, 'all are taken');
    expect(ofKey(match.taken, 'left')).toEqual(upTo(20));
  });

  test.each([
    ['refused for good', new PermanentError('dimensions differ'), 1],
    ['failing again and again', new Error('a fault'), 3],
  ])('an event %s becomes a dead letter that says why', async (_what, error, tries) => {
    const { outbox } = from('edge', config());
    const match = to(config());
    let tried = 0;
    match.judge = (id) => {
      if (id !== 'left-2') return;
      tried++;
      throw error;
    };
    await Promise.all(numbered('left', 1, 4).map((each) => outbox.accept(each)));
    await until(
      () => match.taken.length === 3 && match.receiver.figures().deadLetters === 1,
      'the others are taken',
    );
    expect(tried).toBe(tries);
    expect(ofKey(match.taken, 'left').toSorted()).toEqual([1, 3, 4]);
    const dead = 'mei.shop.queue.c0ffee00.hub.dead.queue-match.tracklets.left';
    expect(await stored('mei.shop.queue.c0ffee00.hub.dead.>')).toEqual({ [dead]: 1 });
    const admin = await jetstreamManager(observer);
    const letter = await admin.streams.getMessage(config().stream, { last_by_subj: dead });
    expect(letter!.header.get('mei-reason')).toBe(error.message);
    expect(letter!.header.get('ce-id')).toBe('left-2');
    expect(match.lines.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({
        keys: expect.objectContaining({ event: 'left-2', reason: error.message }) as object,
      }),
    ]);
    await until(() => match.receiver.figures().waiting === 0, 'nothing waits');
  });

  test('what is no event becomes a dead letter', async () => {
    const match = to(config());
    await until(() => match.lines.length > 0, 'the stream is there');
    observer.publish('mei.shop.queue.c0ffee00.hub.queue-match.tracklets.left', 'hello');
    await until(() => match.receiver.figures().deadLetters === 1, 'buried');
    expect(match.lines.at(-1)!.keys['reason']).toMatch(/^not a CloudEvent/);
  });

  test('an event that the server never takes is a dead letter of the outbox', async () => {
    const { outbox, lines } = from('edge', config());
    await outbox.accept(event('left-1', 'left', 1 << 20));
    await outbox.accept(event('left-2'));
    await until(() => outbox.figures().deadLetters === 1 && outbox.figures().waiting === 0, 'refused');
    expect(lines.find(({ level }) => level === 'error')!.keys).toMatchObject({
      event: 'left-1',
      status: 413,
    });
    expect(outbox.figures().delivered).toBe(1);
  });

  test('a stream of somebody else is left alone, and events wait', async () => {
    const admin = await jetstreamManager(observer);
    const { stream: name } = config();
    await admin.streams.add({ name, subjects: ['mei.>'], retention: RetentionPolicy.Workqueue });
    const { outbox, lines } = from('edge', config());
    const match = to(config());
    await outbox.accept(event('left-1'));
    await until(() => outbox.figures().problem !== undefined, 'said');
    expect(outbox.figures()).toMatchObject({ waiting: 1, deadLetters: 0 });
    expect(outbox.figures().problem).toMatch(/exists with retention workqueue instead of limits: remove it/);
    await until(() => lines.some(({ message }) => message === 'events wait'), 'logged');
    await until(() => match.receiver.figures().problem !== undefined, 'the receiver says it too');
    await admin.streams.delete(name);
    await until(() => match.taken.length === 1, 'goes on by itself');
  });

  test('limits of the task that changed are changed on the stream', async () => {
    const before = to(config());
    await until(() => before.lines.length > 0, 'begun');
    await before.stop();
    to(config({ maxBytes: 32 << 20, maxAgeS: 60 }));
    const admin = await jetstreamManager(observer);
    let settings: Partial<StreamConfig> = {};
    await until(() => {
      void admin.streams.info(config().stream).then((found) => (settings = found.config));
      return settings.max_bytes === 32 << 20;
    }, 'changed');
    expect(settings).toMatchObject({ max_age: 60e9, duplicate_window: 60e9, retention: 'limits' });
  });

  test('a full stream makes senders wait, and takes more once the receiver has taken what is there', async () => {
    const small = config({ maxBytes: 64 << 10 });
    const { outbox } = from('edge', small);
    const match = to(small);
    match.isWanted = false;
    await Promise.all(upTo(200).map((i) => outbox.accept(event(`left-${i}`, 'left', 1000))));
    await until(() => /maximum bytes|507/.test(outbox.figures().problem ?? ''), 'full');
    expect(outbox.figures()).toMatchObject({ deadLetters: 0, dropped: { age: 0, room: 0 } });
    match.isWanted = true;
    await until(() => match.taken.length === 200, 'all arrive');
    expect(ofKey(match.taken, 'left')).toEqual(upTo(200));
  });

  test('a worker that takes over goes on where the other one ended, in order, with what was under way', async () => {
    const { outbox } = from('edge', config());
    const first = to(config());
    let letGo!: () => void;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    // As a process that stands still: from the fifth on nothing is answered.
    first.judge = (id) =>
      ofKey([id], 'left')[0]! >= 5 ? held.then(() => Promise.reject(new TransientError('late'))) : undefined;
    await Promise.all(numbered('left', 1, 40).map((each) => outbox.accept(each)));
    await until(() => first.taken.length === 4, 'the first takes some');
    await until(() => outbox.figures().waiting === 0, 'all are in the stream');
    const second = to(config());
    await until(() => second.taken.length >= 36, 'the second takes the rest');
    expect(ofKey(second.taken, 'left').slice(-36)).toEqual(upTo(40).slice(4));
    first.isWanted = false;
    letGo();
    expect(first.taken).toHaveLength(4);
  });

  test('a server that is killed and comes back loses nothing, and nothing comes twice or out of order', async () => {
    let own = await startNats();
    const settings = streamConfig(own.url);
    const edge = from('edge', settings);
    const match = to(settings);
    const send = (begin: number, end: number) =>
      Promise.all(numbered('left', begin, end).map((each) => edge.outbox.accept(each)));
    await send(1, 100);
    await until(() => match.taken.length > 10, 'some are taken');
    await own.stop('SIGKILL');
    await send(101, 200);
    own = await startNats({ port: own.port, folder: own.folder });
    await send(201, 300);
    await until(
      () => new Set(match.taken).size === 300 && edge.outbox.figures().waiting === 0,
      'all arrive',
      30_000,
    );
    // An acknowledgement that was lost brings an event again, which the store knows; the first of each come in order.
    expect([...new Set(ofKey(match.taken, 'left'))]).toEqual(upTo(300));
    await edge.close();
    await match.stop();
    await own.stop();
    rmSync(own.folder, { recursive: true, force: true });
  });
});
