// A hub and a leaf node of NATS in networks of their own: what becomes of events while links are cut and servers are killed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { TransientError } from '../../config/errors.ts';
import { until } from '../delivery/receiver.ts';
import {
  numbered,
  ofKey,
  sender,
  streamConfig,
  taker,
  upTo,
  type Sender,
  type Taker,
} from '../delivery/streamWorld.ts';
import { onNats, startNats, type NatsServer } from '../support/nats.ts';
import { startNetworks, whyNoNetworks, type Networks } from '../support/networks.ts';

const [hubPort, leafPort] = [4222, 7422];
const [atHub, atLeaf] = [0, 1];
/** Dead connections are noticed soon; by default it takes minutes. */
const soon = 'ping_interval: "1s"\nping_max: 2\n';

onNats('NATS with faults', () => {
  const reason = whyNoNetworks();
  if (reason !== undefined && process.env['CI'] !== 'true') {
    process.stderr.write(`SKIPPED NATS with faults: ${reason}\n`);
    test.skip(`NATS with faults (${reason})`, () => {});
    return;
  }

  let folder: string;
  let networks: Networks;
  let hub: NatsServer;
  let leaf: NatsServer;
  let open: { close(): Promise<void> }[];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nats-faults-'));
    networks = await startNetworks(2);
    open = [];
    hub = await startHub();
    leaf = await startLeaf();
  });
  afterEach(async () => {
    for (const each of open) await each.close();
    await hub.stop('SIGKILL');
    await leaf.stop('SIGKILL');
    await networks.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const startHub = () =>
    startNats({
      host: networks.addresses[atHub]!,
      port: hubPort,
      leafPort,
      domain: 'hub',
      folder: join(folder, 'hub'),
      command: networks.inside(atHub),
      config: soon,
    });
  const startLeaf = () =>
    startNats({
      host: networks.addresses[atLeaf]!,
      port: hubPort,
      domain: 'edge-1',
      folder: join(folder, 'leaf'),
      command: networks.inside(atLeaf),
      config: `${soon}leafnodes { reconnect: "1s", remotes: [ { url: "nats-leaf://${networks.addresses[atHub]}:${leafPort}" } ] }`,
    });

  /** A worker at the edge, which speaks with its leaf node. */
  function edge(name = 'edge'): Sender {
    const made = sender(join(folder, name), streamConfig(leaf.url, { domain: 'edge-1' }));
    open.push(made);
    return made;
  }
  function match(options: Parameters<typeof taker>[1] = {}): Taker {
    const made = taker(streamConfig(hub.url, { leaves: ['edge-1'] }), { upkeepMs: 1000, ...options });
    open.push({ close: () => made.stop() });
    return made;
  }
  const send = ({ outbox }: Sender, from: number, to: number) =>
    Promise.all(
      ['left', 'right'].flatMap((key) => numbered(key, from, to)).map((each) => outbox.accept(each)),
    );
  const allOf = (count: number) => (taken: Taker) => new Set(taken.taken).size === 2 * count;
  const deadlineMs = 40_000;
  /** Repeats are what the store of a stage recognises; here they are counted. */
  function expectAll({ taken }: Taker, count: number, mostRepeats = 0): void {
    for (const key of ['left', 'right']) {
      const ids = ofKey(taken, key);
      expect([...new Set(ids)]).toEqual(upTo(count));
      expect(ids.length).toBeLessThanOrEqual(count + mostRepeats);
    }
  }

  test('the link between leaf and hub is cut: the leaf node stores, and hands everything over when it is mended', async () => {
    const from = edge();
    const to = match();
    await send(from, 1, 50);
    await until(() => allOf(50)(to), 'the first arrive', deadlineMs);
    networks.cut(atLeaf, atHub);
    await send(from, 51, 150);
    await until(() => from.outbox.figures().waiting === 0, 'the leaf node has them');
    expect(to.taken).toHaveLength(100);
    networks.mend(atLeaf, atHub);
    await send(from, 151, 200);
    await until(() => allOf(200)(to), 'all arrive', deadlineMs);
    expectAll(to, 200);
  }, 60_000);

  test('the hub is killed, then the leaf node with what it stored: both come back, and nothing is lost or comes twice', async () => {
    const from = edge();
    const to = match();
    await send(from, 1, 50);
    await until(() => to.taken.length > 0, 'some are taken', deadlineMs);
    await hub.stop('SIGKILL');
    await send(from, 51, 100);
    await until(() => from.outbox.figures().waiting === 0, 'the leaf node has them');
    await leaf.stop('SIGKILL');
    await send(from, 101, 150);
    expect(from.outbox.figures().waiting).toBe(100);
    leaf = await startLeaf();
    await until(() => from.outbox.figures().waiting === 0, 'the leaf node has the rest', deadlineMs);
    hub = await startHub();
    await until(() => allOf(150)(to), 'all arrive', deadlineMs);
    // Acknowledgements that were on their way when the hub was killed.
    expectAll(to, 150, 256);
  }, 90_000);

  test('a worker is cut off from its leaf node without a word, repeats what was not confirmed, and nothing comes twice', async () => {
    const from = edge();
    const to = match();
    await send(from, 1, 20);
    await until(() => allOf(20)(to), 'the first arrive', deadlineMs);
    const sending = send(from, 21, 120);
    networks.cutOff(atLeaf);
    await sending;
    await until(() => from.outbox.figures().problem !== undefined, 'the outbox notices', deadlineMs);
    expect(from.outbox.figures().waiting).toBeGreaterThan(0);
    networks.rejoin(atLeaf);
    await until(() => allOf(120)(to) && from.outbox.figures().waiting === 0, 'all arrive', deadlineMs);
    expectAll(to, 120);
    expect(from.outbox.figures()).toMatchObject({ deadLetters: 0, dropped: { age: 0, room: 0 } });
  }, 60_000);

  test('a stage that is slow and often busy takes no more than it may hold, and gets everything in order', async () => {
    const from = edge();
    const to = match({ mostUnacknowledged: 8, perKey: 4 });
    let underWay = 0;
    let most = 0;
    let calls = 0;
    to.judge = async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      if (++calls % 7 === 0) throw new TransientError('busy', { retryAfterMs: 1 });
    };
    await send(from, 1, 100);
    await until(() => allOf(100)(to), 'all arrive', deadlineMs);
    expect(most).toBeLessThanOrEqual(8);
    expect(to.receiver.figures().retries).toBeGreaterThan(10);
    for (const key of ['left', 'right'])
      expect(ofKey(to.taken, key).toSorted((a, b) => a - b)).toEqual(upTo(100));
    // Of those that are under way together one may fail; what comes after them waits.
    for (const key of ['left', 'right'])
      ofKey(to.taken, key).forEach((id, at) => expect(Math.abs(id - 1 - at)).toBeLessThan(4));
  }, 60_000);
});
