// What the connection to the API server can do to a controller: nothing that happens meanwhile is missed, and nothing is asked without end.
import { afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { onCluster } from '../support/cluster/onCluster.ts';
import { Relay } from '../support/cluster/relay.ts';
import { ControllerProcesses } from './controllerProcesses.ts';
import {
  createTask,
  eventually,
  install,
  readTask,
  startLive,
  type LiveController,
} from './liveController.ts';
import { leftovers } from './world.ts';

jest.setTimeout(150_000);

const packed = '{packing: PerNode, cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]}';
/** Reflectors of a controller on a cluster without Knative. */
const kinds = 10;

onCluster(
  'a controller with a bad line',
  { controllers: true, kwokNodes: [{ name: 'edge-1' }] },
  (cluster) => {
    let token: string;
    let relay: Relay;
    let live: LiveController;
    beforeAll(async () => {
      token = await install(cluster());
    }, 120_000);
    beforeEach(async () => {
      relay = await Relay.start(cluster());
    });
    afterEach(async () => {
      relay.isAway = false;
      relay.release();
      await live?.stop();
      await relay.close();
    });

    const begin = async (more: Parameters<typeof startLive>[2] = {}) => {
      live = await startLive({ ...cluster(), url: relay.url }, token, {
        requestTimeoutMs: 3000,
        reflectors: { idleMs: 2000, backoff: { minMs: 50, maxMs: 500 } },
        ...more,
      });
    };
    const running = (name: string) =>
      eventually(
        () => readTask(cluster(), name),
        ({ status }) => status?.phase === 'Running',
      );
    const kubectl = (...args: string[]) => cluster().kubectl(args);
    const replicas = (name: string, wanted: string) =>
      eventually(
        () => kubectl('get', 'deployment', name, '-o', 'jsonpath={.spec.replicas}'),
        (found) => found === wanted,
      );
    const isThere = (what: string, name: string) =>
      eventually(
        () => kubectl('get', what, name, '--ignore-not-found', '-o', 'name'),
        (found) => found !== '',
      );
    const current = (wanted: boolean) =>
      eventually(
        async () => live.isCurrent(),
        (isCurrent) => isCurrent === wanted,
      );

    test('streams that are reset, also within an event, lose no change and need no list', async () => {
      await begin({ quarrels: { patience: 100 } });
      await createTask(cluster(), 'cut', packed);
      await running('cut');
      const lists = relay.lists().length;
      expect(lists).toBe(kinds);
      for (let round = 0; round < 5; round++) {
        relay.cut();
        await kubectl('scale', 'deployment/cut-cloud', '--replicas=0');
        relay.cut();
        await replicas('cut-cloud', '1');
      }
      for (let round = 0; round < 3; round++) {
        // The first half of an event arrives, and then the end of the connection.
        relay.hooks = {
          beforePiece: ({ path }) => {
            if (!path.endsWith('/deployments')) return true;
            relay.hooks = {};
            relay.cutAfterHalf();
            return true;
          },
        };
        await kubectl('scale', 'deployment/cut-cloud', '--replicas=0');
        await replicas('cut-cloud', '1');
      }
      await running('cut');
      await current(true);
      expect(relay.lists().slice(lists)).toEqual([]);
      expect(live.log.lines.join()).toContain('watching failed');
    });

    test('answers that are lost do no harm: what was written is not made twice', async () => {
      await begin();
      let lost = 0;
      relay.hooks = { afterWrite: () => ++lost % 2 === 0 };
      await createTask(cluster(), 'unheard', packed);
      await running('unheard');
      relay.hooks = {};
      const generations = await kubectl(
        'get',
        'deployments',
        '-l',
        'multiedgeinference.sedna.io/name=unheard',
        '-o',
        'jsonpath={.items[*].metadata.generation}',
      );
      expect(generations).toBe('1 1');
      expect(lost).toBeGreaterThan(12);
    });

    test('connections on which nothing moves any more are given up, and what happened meanwhile is mended', async () => {
      await begin();
      await createTask(cluster(), 'frozen', packed);
      await running('frozen');
      await eventually(
        async () => live.queueLength(),
        (length) => length === 0,
      );
      const lists = relay.lists().length;
      relay.freeze();
      relay.isAway = true;
      await kubectl('delete', 'service', 'frozen-cloud');
      await createTask(cluster(), 'thawed', packed);
      await current(false);
      relay.isAway = false;
      await isThere('service', 'frozen-cloud');
      await running('thawed');
      await current(true);
      expect(relay.lists().slice(lists)).toEqual([]);
    });

    test('a compacted past means one new list per kind, and what was deleted meanwhile is seen', async () => {
      await begin();
      for (const name of ['gone', 'left']) await createTask(cluster(), name, packed);
      await running('gone');
      await running('left');
      await eventually(
        async () => live.queueLength(),
        (length) => length === 0,
      );
      const lists = relay.lists().length;
      relay.isAway = true;
      relay.cut();
      await kubectl('delete', 'mei', 'gone');
      await kubectl('delete', 'service', 'left-cloud');
      await kubectl('scale', 'deployment/left-cloud', '--replicas=0');
      await createTask(cluster(), 'new', packed);
      await eventually(
        () => leftovers(cluster(), 'gone'),
        (left) => left.length === 0,
      );
      await forgetThePast();
      const writes = relay.writes().length;
      relay.isAway = false;
      await isThere('service', 'left-cloud');
      await replicas('left-cloud', '1');
      await running('new');
      await running('left');
      await current(true);
      expect(live.log.lines.filter((line) => /watching failed|listing anew/.test(line)).join()).toContain(
        '410 Expired',
      );
      // A list may meet a server that is still starting; that is all that may be asked again.
      expect(relay.lists().length - lists).toBeGreaterThanOrEqual(kinds);
      expect(relay.lists().length - lists).toBeLessThanOrEqual(2 * kinds);
      // Until it lists tasks anew it may mend one that is gone; a status that nobody has is not written without end.
      const ofGone = relay
        .writes()
        .slice(writes)
        .filter((write) => write.includes('/gone/status'));
      expect(ofGone.length).toBeLessThanOrEqual(10);
      let timesEmpty = 0;
      await eventually(
        async () => (await leftovers(cluster(), 'gone')).length === 0,
        (isEmpty) => (timesEmpty = isEmpty ? timesEmpty + 1 : 0) >= 10,
      );
    });

    test('a list whose next page has expired is begun anew', async () => {
      await begin();
      for (const name of ['page-1', 'page-2', 'page-3']) {
        await createTask(cluster(), name, packed);
        await running(name);
      }
      await live.stop();
      let isForgotten: Promise<void> | undefined;
      const tokens: string[] = [];
      relay.hooks = {
        beforeRead: ({ path, query }) => {
          if (!path.endsWith('/deployments') || !query.has('continue')) return;
          tokens.push(query.get('continue')!);
          return (isForgotten ??= forgetThePast());
        },
      };
      await kubectl('delete', 'deployment', 'page-3-cloud');
      const lists = relay.lists().length;
      await begin({
        reflectors: { pageSize: 2, backoff: { minMs: 50, maxMs: 500 } },
        requestTimeoutMs: 30_000,
      });
      await isThere('deployment', 'page-3-cloud');
      await current(true);
      expect(live.log.lines.join()).toContain('The provided continue parameter is too old');
      // A server that has just started may refuse some of them.
      const anew = relay
        .lists()
        .slice(lists)
        .filter((list) => list.includes('/deployments')).length;
      expect(anew).toBeGreaterThanOrEqual(2);
      expect(anew).toBeLessThanOrEqual(6);
      expect(tokens.length).toBeGreaterThan(2);
    });

    test('a task that is known to be gone later than its objects leaves nothing behind', async () => {
      await begin();
      await createTask(cluster(), 'late', packed);
      await running('late');
      relay.hold('multiedgeinferences');
      await kubectl('delete', 'mei', 'late');
      // To a controller that knows nothing of it, objects go that must come back.
      await eventually(
        async () => relay.writes().filter((write) => /\/late-cloud$/.test(write)).length,
        (writes) => writes > 5,
      );
      relay.release();
      // What was under way when it learned of it comes a moment later, and is collected too.
      let timesEmpty = 0;
      await eventually(
        async () => (await leftovers(cluster(), 'late')).length === 0 && live.queueLength() === 0,
        (isEmpty) => (timesEmpty = isEmpty ? timesEmpty + 1 : 0) >= 20,
      );
    });

    test('a process says that it is not ready while it has no line, and keeps its lease over a dead one', async () => {
      const processes = new ControllerProcesses({ ...cluster(), url: relay.url }, token);
      try {
        const { leading, address, child, lines } = processes.start('steady');
        const ready = async () => {
          const answer = await fetch(`${await address}/readyz`);
          return `${answer.status} ${await answer.text()}`;
        };
        await leading;
        await eventually(ready, (text) => text === '200 ok\n');
        // Half-open, for longer than a renewal may take: a new connection saves the lease.
        relay.freeze();
        await eventually(
          async () => lines.filter((line) => line.includes('lease not renewed')).length,
          (times) => times > 0,
        );
        const version = () =>
          kubectl(
            '-n',
            'multi-edge-inference',
            'get',
            'lease',
            'multi-edge-inference-controller',
            '-o',
            'jsonpath={.metadata.resourceVersion}',
          );
        const before = await version();
        await eventually(version, (now) => now !== before);
        expect(child.exitCode).toBe(null);
        relay.isAway = true;
        relay.cut();
        await eventually(ready, (text) => text === '503 not in step with the API server\n');
        relay.isAway = false;
        await eventually(ready, (text) => text === '200 ok\n');
        expect(child.exitCode).toBe(null);
      } finally {
        processes.end();
      }
    });

    /** Nothing older than now can be had any more: neither from etcd nor from what the API server remembers. */
    async function forgetThePast(): Promise<void> {
      const { etcdUrl } = cluster();
      const ask = async (path: string, body: object) => {
        const answer = await fetch(`${etcdUrl}/v3/kv/${path}`, {
          method: 'POST',
          body: JSON.stringify(body),
        });
        if (!answer.ok) throw new Error(`etcd ${path}: ${await answer.text()}`);
        return (await answer.json()) as { header: { revision: string } };
      };
      // What was listed last would otherwise still be the present.
      await kubectl('create', 'configmap', `later-${Date.now()}`);
      const { header } = await ask('range', { key: 'AA==' });
      await ask('compaction', { revision: header.revision, physical: true });
      await cluster().stopApiServer();
      await cluster().startApiServer();
    }
  },
);
