import { describe, expect, test } from '@jest/globals';
import { ClosedError, Inbox, OverloadedError } from '../../../functions/host/inbox.ts';
import { deferred, until } from './support.ts';
import type { StageEvent } from '../../../config/events.ts';
import type { InboxOptions } from '../../../functions/host/inbox.ts';

const event = (id: string, partitionkey?: string): StageEvent => ({
  id,
  source: '/s',
  type: 't',
  data: null,
  ...(partitionkey !== undefined && { partitionkey }),
});
const now = { waitMs: 0, reply: false, keepTrying: true };
const patiently = { ...now, waitMs: 10_000 };

/** An inbox whose work is finished by the test. */
function held(options: Partial<InboxOptions> = {}) {
  const started: string[] = [];
  const jobs = new Map<string, ReturnType<typeof deferred<StageEvent[]>>>();
  const inbox = new Inbox({ maxEvents: 3, maxBytes: 1000, concurrency: 8, ...options }, ({ id }) => {
    started.push(id);
    const job = deferred<StageEvent[]>();
    jobs.set(id, job);
    return job.promise;
  });
  const finish = async (id: string) => {
    await until(() => jobs.has(id), `${id} started`);
    jobs.get(id)!.resolve([]);
    jobs.delete(id);
    await new Promise(setImmediate);
  };
  const fail = async (id: string, error: Error) => {
    jobs.get(id)!.reject(error);
    jobs.delete(id);
    await new Promise(setImmediate);
  };
  return { inbox, started, finish, fail };
}

describe('order', () => {
  test('events of one key never overlap and keep their order; other keys go on', async () => {
    const { inbox, started, finish } = held({ maxEvents: 10 });
    for (const [id, key] of [
      ['a1', 'a'],
      ['a2', 'a'],
      ['b1', 'b'],
      ['a3', 'a'],
    ] as const)
      await inbox.put(event(id, key), 1, now);
    expect(started).toEqual(['a1', 'b1']);
    await finish('a1');
    expect(started).toEqual(['a1', 'b1', 'a2']);
    await finish('a2');
    await finish('a3');
    await finish('b1');
    expect(inbox.length).toBe(0);
  });

  test('no more keys at a time than the concurrency', async () => {
    const { inbox, started, finish } = held({ maxEvents: 10, concurrency: 2 });
    for (const id of ['1', '2', '3']) await inbox.put(event(id, `k${id}`), 1, now);
    expect(started).toEqual(['1', '2']);
    await finish('2');
    expect(started).toEqual(['1', '2', '3']);
  });

  test('a busy key does not starve others', async () => {
    const { inbox, started, finish } = held({ maxEvents: 10, concurrency: 1 });
    for (const [id, key] of [
      ['a1', 'a'],
      ['a2', 'a'],
      ['b1', 'b'],
    ] as const)
      await inbox.put(event(id, key), 1, now);
    await finish('a1');
    expect(started).toEqual(['a1', 'b1']);
  });

  test('events of one key overlap as far as they may, and are begun in order', async () => {
    const { inbox, started, finish } = held({ maxEvents: 10, concurrency: 4, perKey: 2 });
    for (const id of ['a1', 'a2', 'a3', 'a4']) await inbox.put(event(id, 'a'), 1, now);
    await inbox.put(event('b1', 'b'), 1, now);
    expect(started).toEqual(['a1', 'a2', 'b1']);
    await finish('a2');
    expect(started).toEqual(['a1', 'a2', 'b1', 'a3']);
    await finish('a1');
    await finish('a3');
    expect(started).toEqual(['a1', 'a2', 'b1', 'a3', 'a4']);
    await finish('a4');
    await finish('b1');
    await inbox.idle();
    expect(inbox.length).toBe(0);
  });

  test('overlapping events of one key stay within the concurrency of all', async () => {
    const { inbox, started, finish } = held({ maxEvents: 10, concurrency: 2, perKey: 5 });
    for (const id of ['a1', 'a2', 'a3']) await inbox.put(event(id, 'a'), 1, now);
    expect(started).toEqual(['a1', 'a2']);
    await finish('a1');
    expect(started).toEqual(['a1', 'a2', 'a3']);
  });

  test('events without a key do not wait for each other', async () => {
    const { inbox, started } = held();
    await inbox.put(event('1'), 1, now);
    await inbox.put(event('2'), 1, now);
    expect(started).toEqual(['1', '2']);
  });
});

describe('limits', () => {
  test('full by count, with room again after one is handled', async () => {
    const { inbox, finish } = held();
    for (const id of ['1', '2', '3']) await inbox.put(event(id), 1, now);
    await expect(inbox.put(event('4'), 1, now)).rejects.toThrow(OverloadedError);
    await finish('1');
    await expect(inbox.put(event('4'), 1, now)).resolves.toMatchObject({ state: 'accepted' });
  });

  test('full by bytes, but one event always fits', async () => {
    const { inbox, finish } = held();
    await inbox.put(event('big'), 5000, now);
    await expect(inbox.put(event('small'), 1, now)).rejects.toThrow(
      'the queue is full (1 events, 5000 bytes)',
    );
    await finish('big');
    expect(inbox.bytes).toBe(0);
  });

  test('senders that wait get in first come first served, and nobody overtakes them', async () => {
    const { inbox, started, finish } = held({ maxEvents: 1 });
    await inbox.put(event('1', 'k'), 1, now);
    const second = inbox.put(event('2', 'k'), 1, patiently);
    const third = inbox.put(event('3', 'k'), 1, patiently);
    await expect(inbox.put(event('4', 'k'), 1, now)).rejects.toThrow(OverloadedError);
    await finish('1');
    await second;
    await finish('2');
    await third;
    await finish('3');
    expect(started).toEqual(['1', '2', '3']);
  });

  test('waiting ends with the time given', async () => {
    const { inbox } = held({ maxEvents: 1 });
    await inbox.put(event('1'), 1, now);
    await expect(inbox.put(event('2'), 1, { ...now, waitMs: 5 })).rejects.toThrow(OverloadedError);
    expect(inbox.waiting).toBe(0);
  });
});

describe('duplicates', () => {
  test('an id that is queued, running or waiting is in progress, one that was handled a duplicate', async () => {
    const { inbox, finish, started } = held({ maxEvents: 1 });
    await inbox.put(event('1'), 1, now);
    void inbox.put(event('2'), 1, patiently);
    expect((await inbox.put(event('1'), 1, now)).state).toBe('inProgress');
    expect((await inbox.put(event('2'), 1, now)).state).toBe('inProgress');
    await finish('1');
    await finish('2');
    expect((await inbox.put(event('1'), 1, now)).state).toBe('duplicate');
    expect(started).toEqual(['1', '2']);
  });

  test('the same id of another source is another event', async () => {
    const { inbox } = held();
    await inbox.put(event('1'), 1, now);
    expect((await inbox.put({ ...event('1'), source: '/other' }, 1, now)).state).toBe('accepted');
  });

  test('what failed may come again', async () => {
    const { inbox, fail } = held();
    const { handled } = await inbox.put(event('1'), 1, now);
    await fail('1', new Error('not today'));
    await expect(handled).rejects.toThrow('not today');
    expect((await inbox.put(event('1'), 1, now)).state).toBe('accepted');
  });

  test('only so many ids are remembered', async () => {
    const { inbox, finish } = held({ rememberedIds: 2 });
    for (const id of ['1', '2', '3']) {
      await inbox.put(event(id), 1, now);
      await finish(id);
    }
    expect((await inbox.put(event('3'), 1, now)).state).toBe('duplicate');
    expect((await inbox.put(event('1'), 1, now)).state).toBe('accepted');
  });
});

test('close refuses new and waiting events and lets accepted ones finish', async () => {
  const { inbox, finish } = held({ maxEvents: 1 });
  await inbox.put(event('1'), 1, now);
  const waiting = inbox.put(event('2'), 1, patiently);
  const refused = expect(waiting).rejects.toThrow(ClosedError);
  inbox.close();
  await refused;
  await expect(inbox.put(event('3'), 1, now)).rejects.toThrow(ClosedError);
  const idle = inbox.idle();
  await finish('1');
  await idle;
});
