// Edge and cloud on networks of their own, as real nodes are: the one between them is cut in the middle of a run, and nobody is told.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OutboxStore } from '../../delivery/outboxStore.ts';
import { startNetworks, whyNoNetworks, type Networks } from '../support/networks.ts';
import type { Fault } from './catalogue.ts';
import { Runs, until } from './run.ts';
import { resultsOf } from './sample.ts';

const reason = whyNoNetworks();
if (reason !== undefined) {
  process.stderr.write(`SKIPPED "the network between edge and cloud is cut": ${reason}\n`);
  if (process.env['CI'] === 'true') throw new Error(`the test of a cut network cannot run in CI: ${reason}`);
}

const [atEdge, atCloud] = [0, 1];
const cutMs = 65_000;
let runs: Runs;
let networks: Networks;

beforeAll(async () => {
  if (reason !== undefined) return;
  runs = await Runs.prepare();
  networks = await startNetworks(2);
}, 60_000);
afterAll(async () => {
  await networks?.stop();
  runs?.close();
});

/** What waits on the edge, by type, in order. */
function waitingIn(folder: string): string[] {
  const store = new OutboxStore(join(folder, 'outbox', 'fault-edge'));
  try {
    const targets = store.targets();
    return targets.length === 0
      ? []
      : store.next(targets, 0, { events: 1000, bytes: Infinity }).map(({ target }) => target);
  } finally {
    store.close();
  }
}

/** Without reports, of which newer ones replace older ones. */
const lastingIn = (folder: string) => waitingIn(folder).filter((target) => !target.includes('report'));

function peopleIn(folder: string): number {
  try {
    return resultsOf(folder).tracks.length;
  } catch {
    return 0;
  }
}

(reason === undefined ? test : test.skip)(
  'the network between edge and cloud is cut for more than a minute' satisfies Fault,
  async () => {
    const { results, repeated } = await runs.run(
      'network',
      async ({ fleet, folder }) => {
        await until(() => peopleIn(folder) > 0, 'somebody has arrived');
        networks.cut(atCloud, atEdge);
        const cutAt = performance.now();
        const isEnd = (target: string) => target.includes('stream');
        await until(() => waitingIn(folder).filter(isEnd).length === 2, 'both recordings are done meanwhile');
        expect(waitingIn(folder).some((target) => target.includes('tracklets'))).toBe(true);
        await until(() => /"msg":"events wait"/.test(fleet.log('fault-edge')), 'the edge says so');
        const waiting = lastingIn(folder);
        await until(() => performance.now() - cutAt > cutMs, 'the cut is over', 2 * cutMs);
        // Nothing of it has come through, and the worker is as well as before.
        expect(lastingIn(folder)).toEqual(waiting);
        expect((await fetch(`${fleet.url('fault-edge')}healthz`)).status).toBe(200);
        networks.mend(atCloud, atEdge);
      },
      {
        env: { MEI_DELIVERY_TIMEOUT_MS: '3000', MEI_DELIVERY_RETRY_MS: '2000' },
        machineOf({ placement }) {
          const at = placement === 'edge' ? atEdge : atCloud;
          return { address: networks.addresses[at]!, run: networks.inside(at) };
        },
      },
    );
    expect(results).toEqual((await runs.calm()).results);
    expect(repeated).toEqual([]);
  },
  300_000,
);
