// Several workers of a stage, real processes of them: who takes over, who stands aside, and that it changes no result.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import Database from 'libsql';
import { openLease, type LeaseState } from '../../functions/match/lease.ts';
import { storeFileName } from '../../functions/match/store.ts';
import type { Fault } from './catalogue.ts';
import { Runs, until, type Outcome } from './run.ts';
import { readStatus, resultsOf } from './sample.ts';

const [first, second] = ['fault-match', 'fault-match2'];
const decides = /this worker decides from now on/g;
let runs: Runs;

beforeAll(async () => {
  runs = await Runs.prepare();
}, 60_000);
afterAll(() => runs.close());

const fault = (name: Fault, body: () => Promise<void>) => test(name, body, 240_000);

async function expectCalm({ results, repeated }: Outcome): Promise<void> {
  expect(results).toEqual((await runs.calm('PerStage')).results);
  expect(repeated).toEqual([]);
}

function leaseIn(folder: string): LeaseState | undefined {
  const lease = openLease(join(folder, 'store'));
  try {
    return lease.state();
  } finally {
    lease.close();
  }
}

/** The one who decides once somebody is known: from here on there is something to lose. */
async function ownerAtWork(folder: string): Promise<{ owner: string; other: string }> {
  await until(() => peopleIn(folder) > 0, 'somebody is stored');
  const owner = leaseIn(folder)!.holder;
  return { owner, other: owner === first ? second : first };
}

/** Whether nobody is in the middle of a transaction: a process that stands still there keeps the file for itself. */
function isFree(folder: string): boolean {
  const database = new Database(join(folder, 'store', storeFileName));
  try {
    database.exec('PRAGMA busy_timeout = 200; BEGIN IMMEDIATE; ROLLBACK;');
    return true;
  } catch {
    return false;
  } finally {
    database.close();
  }
}

const standby = { packing: 'PerStage', stages: { match: { replicas: 2 } } };

fault('the match worker is killed, and another one stands by', async () => {
  const outcome = await runs.run(
    'killed',
    async ({ fleet, folder }) => {
      const { owner, other } = await ownerAtWork(folder);
      expect(fleet.log(other)).not.toMatch(decides);
      fleet.fell(owner);
      await until(() => leaseIn(folder)?.holder === other, 'the other one decides', 30_000);
      expect(leaseIn(folder)!.epoch).toBe(2);
      await until(() => readStatus(folder)?.owner === other, 'the status names it');
    },
    standby,
  );
  await expectCalm(outcome);
});

fault('the match worker stands still, another takes over, and it goes on', async () => {
  const outcome = await runs.run(
    'paused',
    async ({ fleet, folder }) => {
      const { owner, other } = await ownerAtWork(folder);
      await until(() => {
        fleet.signal(owner, 'SIGSTOP');
        const isStopped = isFree(folder);
        if (!isStopped) fleet.signal(owner, 'SIGCONT');
        return isStopped;
      }, 'it stands still, but not within a transaction');
      await until(() => leaseIn(folder)?.holder === other, 'the other one decides', 30_000);
      await until(() => readStatus(folder)?.owner === other, 'the status names it');
      fleet.signal(owner, 'SIGCONT');
      await until(() => /another worker decides: standing by/.test(fleet.log(owner)), 'it stands by');
      const { beat: _, ...lease } = leaseIn(folder)!;
      expect(lease).toEqual({ holder: other, epoch: 2 });
      const probe = await fetch(fleet.url(owner), {
        method: 'POST',
        headers: {
          'content-type': 'application/cloudevents+json',
          authorization: `Bearer ${fleet.token}`,
        },
        body: JSON.stringify({
          specversion: '1.0',
          id: 'late',
          source: '/late',
          type: 'io.sedna.multiedge.stream.v1',
          data: { camera: 'left', state: 'ended', time: 0 },
        }),
      });
      expect([probe.status, probe.headers.get('retry-after')]).toEqual([503, '1']);
      expect(((await probe.json()) as { detail: string }).detail).toMatch(/decides/);
      expect(fleet.log(owner).match(decides)).toHaveLength(1);
    },
    standby,
  );
  await expectCalm(outcome);
});

test('an owner that ends gives the lease away, so that nobody waits for it', async () => {
  const outcome = await runs.run(
    'ended',
    async ({ fleet, folder }) => {
      const { owner, other } = await ownerAtWork(folder);
      await fleet.end(owner);
      await until(() => leaseIn(folder)?.holder === other, 'the other one decides');
      expect(fleet.log(owner)).toMatch(/drained/);
    },
    standby,
  );
  await expectCalm(outcome);
}, 240_000);

fault('one of several embed workers is killed', async () => {
  const outcome = await runs.run(
    'shards',
    async ({ fleet, folder }) => {
      const embedders = fleet.workers.filter((name) => name.startsWith('fault-embed'));
      expect(embedders.sort()).toEqual(['fault-embed', 'fault-embed2']);
      await until(() => peopleIn(folder) > 0, 'somebody is stored');
      fleet.kill('fault-embed2');
      await fleet.listening('fault-embed2');
    },
    { packing: 'PerStage', stages: { embed: { replicas: 2 } } },
  );
  await expectCalm(outcome);
});

/** None while there is no store yet. */
function peopleIn(folder: string): number {
  try {
    return resultsOf(folder).tracks.length;
  } catch {
    return 0;
  }
}
