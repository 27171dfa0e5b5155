import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventTypes, type StageEvent } from '../../../config/events.ts';
import type { StageFunction } from '../../../functions/function.ts';
import { LeaseLostError, openLease, type Lease } from '../../../functions/match/lease.ts';
import { createOwnership } from '../../../functions/match/ownership.ts';
import { openStore, type Store } from '../../../functions/match/store.ts';
import { onEachEngine } from '../../support/stores.ts';
import { testContext } from './world.ts';

onEachEngine((engine) => {
  let ending: (() => unknown)[];
  beforeEach(() => {
    ending = [];
  });
  afterEach(async () => {
    for (const end of ending) await end();
  });

  const event: StageEvent = { id: '1', source: '/s', type: eventTypes.tracklets, data: {} };
  const context = testContext();

  function keep(store: Store, picture: string): void {
    store.keepVector(picture, 'model', new Float32Array(4));
  }

  /** A worker whose only work is to write who it is into the store. */
  async function contender(holder: string, lease: Lease = openLease(engine.place)) {
    const terms: { epoch: number; store: Store; isOver: boolean }[] = [];
    const stage = createOwnership({
      lease,
      holder,
      open(epoch): StageFunction {
        const term = { epoch, store: openStore(engine.place, epoch), isOver: false };
        terms.push(term);
        return {
          handle: async () => keep(term.store, holder),
          status: () => ({ phase: 'Running', cameras: [], figures: {} }),
          async shutdown() {
            term.isOver = true;
            term.store.close();
          },
        };
      },
      reconfigure: async () => true,
      log: context.log,
      options: { pollMs: 5, missedPolls: 4, missedAtFirst: 8 },
    });
    await stage.init!(context);
    ending.push(() => stage.shutdown!(context));
    const isOwner = () => (stage.status!().figures['epoch'] ?? 0) > 0;
    return { stage, terms, isOwner };
  }

  async function until(condition: () => boolean, what: string): Promise<void> {
    const end = performance.now() + 10_000;
    while (!condition()) {
      if (performance.now() > end) throw new Error(`not in time: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** A lease as a process has it that stands still while `isPaused`. */
  function pausable(): { lease: Lease; pause: { isPaused: boolean } } {
    const lease = openLease(engine.place);
    const pause = { isPaused: false };
    return { pause, lease: { ...lease, renew: (epoch) => pause.isPaused || lease.renew(epoch) } };
  }

  test('the first decides, the second stands by and says who does', async () => {
    const first = await contender('a');
    const second = await contender('b');
    await first.stage.handle(event, context);
    expect(first.stage.status!().figures['epoch']).toBe(1);
    expect(() => second.stage.admit!(event, context)).toThrow('a decides');
    await expect(second.stage.handle(event, context)).rejects.toMatchObject({ retryAfterMs: 1000 });
    expect(second.stage.status!()).toMatchObject({ message: 'stands by, a decides', figures: {} });
    expect(() => second.stage.readiness!()).not.toThrow();
    expect(second.terms).toEqual([]);
  });

  test('who ends gives the lease back, and the next one begins at its next look', async () => {
    const first = await contender('a');
    const second = await contender('b');
    await first.stage.shutdown!(context);
    ending.shift();
    await until(second.isOwner, 'b decides');
    expect(second.terms.map(({ epoch }) => epoch)).toEqual([2]);
    // The last report of a worker is made when all is closed.
    expect(first.stage.status!()).toMatchObject({ phase: 'Running', figures: { epoch: 1 } });
    await second.stage.handle(event, context);
  });

  test('a worker that is started again goes on at once, without waiting for itself', async () => {
    const { lease } = pausable();
    expect(lease.take('a', undefined)).toBe(1);
    lease.close();
    const again = await contender('a');
    expect(again.isOwner()).toBe(true);
    expect(again.terms.map(({ epoch }) => epoch)).toEqual([2]);
  });

  test('a paused owner is followed; when it goes on its writes are refused, it steps down and may follow later', async () => {
    const { lease, pause } = pausable();
    const first = await contender('a', lease);
    const second = await contender('b');
    await first.stage.handle(event, context);
    pause.isPaused = true;
    await until(second.isOwner, 'b decides');
    await second.stage.handle(event, context);
    // Before it has looked at the lease: only the fence can tell.
    expect(() => keep(first.terms[0]!.store, 'late')).toThrow(LeaseLostError);
    await expect(first.stage.handle(event, context)).rejects.toThrow('the task is in the hands of b');
    expect(first.isOwner()).toBe(false);
    expect(first.terms[0]!.isOver).toBe(true);
    const reader = openStore(engine.place);
    ending.push(() => reader.close());
    expect(reader.vectorOf('late', 'model')).toBeUndefined();
    expect(reader.vectorOf('b', 'model')).toBeDefined();
    pause.isPaused = false;
    await second.stage.shutdown!(context);
    ending.splice(1, 1);
    await until(first.isOwner, 'a decides again');
    expect(first.terms.map(({ epoch }) => epoch)).toEqual([1, 3]);
  });

  test('a term that has just begun is given longer to show a sign of life', async () => {
    const lease = openLease(engine.place);
    const states: number[] = [];
    const counting: Lease = {
      ...lease,
      state() {
        states.push(1);
        return lease.state();
      },
    };
    const other = openLease(engine.place);
    other.take('a', undefined);
    const waiting = await contender('b', counting);
    await until(waiting.isOwner, 'b decides');
    // The first look, and eight without a change.
    expect(states).toHaveLength(9);
    await waiting.stage.shutdown!(context);
    ending.pop();
    states.length = 0;
    other.take('a', other.state());
    other.renew(3);
    const again = openLease(engine.place);
    const later = await contender('b', { ...again, state: () => (states.push(1), again.state()) });
    await until(later.isOwner, 'b decides again');
    expect(states).toHaveLength(5);
    other.close();
  });

  test('an owner that nothing is sent to learns of its end by its next look', async () => {
    const { lease, pause } = pausable();
    const first = await contender('a', lease);
    const second = await contender('b');
    pause.isPaused = true;
    await until(second.isOwner, 'b decides');
    pause.isPaused = false;
    await until(() => !first.isOwner(), 'a stands by');
    expect(first.terms[0]!.isOver).toBe(true);
  });

  test('a term that cannot begin leaves the lease to others', async () => {
    const lease = openLease(engine.place);
    const broken = createOwnership({
      lease,
      holder: 'a',
      open: () => ({
        handle: async () => undefined,
        init: () => Promise.reject(new Error('no such model')),
      }),
      reconfigure: async () => true,
      log: context.log,
    });
    await expect(broken.init!(context)).rejects.toThrow('no such model');
    expect(lease.state()).toMatchObject({ holder: '', epoch: 1 });
    await broken.shutdown!(context);
    expect((await contender('b')).isOwner()).toBe(true);
  });

  test('all that writes is fenced, and of two who want the lease at once one gets it', () => {
    const [one, other] = [openLease(engine.place), openLease(engine.place)];
    const free = openStore(engine.place);
    keep(free, 'nobody had the lease');
    const seen = one.state();
    expect([one.take('a', seen), other.take('b', seen)]).toEqual([1, undefined]);
    expect(one.state()).toEqual({ holder: 'a', epoch: 1, beat: 0 });
    expect(() => keep(free, 'x')).toThrow('the task is in the hands of a');
    expect(() => free.expire(1, 1)).toThrow(LeaseLostError);
    const owner = openStore(engine.place, 1);
    owner.expire(1, 1);
    expect(one.renew(1)).toBe(true);
    expect(other.take('b', { holder: 'a', epoch: 1, beat: 0 })).toBeUndefined();
    expect(other.take('b', { holder: 'a', epoch: 1, beat: 1 })).toBe(2);
    expect(one.renew(1)).toBe(false);
    one.release(1);
    expect(other.state()?.holder).toBe('b');
    expect(() => owner.expire(1, 1)).toThrow(LeaseLostError);
    for (const each of [one, other, free, owner]) each.close();
  });
});
