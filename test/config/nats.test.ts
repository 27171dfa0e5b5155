// The servers that config/nats installs, started with their own configuration on this machine: what each user may do is enough for what
// its workers do, and no more.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { createAuthority, type Authority } from '../controller/link/certificates.ts';
import { until } from '../delivery/receiver.ts';
import { numbered, sender, streamConfig, taker, task, upTo, ofKey } from '../delivery/streamWorld.ts';
import { freePort, onNats, startNats, type NatsServer } from '../support/nats.ts';

const passwords = { CLOUD_PASSWORD: 'p1', EDGE_PASSWORD: 'p2', LEAF_PASSWORD: 'p3' };

onNats('the servers of config/nats', () => {
  let folder: string;
  let authority: Authority;
  let leafPort: number;
  let hub: NatsServer;
  let leaf: NatsServer;
  const open: { close(): Promise<unknown> }[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nats-config-'));
    authority = createAuthority(folder);
    leafPort = await freePort();
    const { certificate, key } = authority.sign('hub', 'DNS:localhost');
    hub = await startNats({
      folder: join(folder, 'hub'),
      text: text('hub', { 'tls.crt': certificate, 'tls.key': key, POD_NAME: 'nats-hub-0' }),
    });
    leaf = await startNats({
      folder: join(folder, 'leaf'),
      text: text('leaf', {
        'ca.crt': authority.ca,
        DOMAIN: 'edge-1',
        LEAF_URL: `tls://leaf:${passwords.LEAF_PASSWORD}@localhost:${leafPort}`,
      }),
    });
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
    await leaf.stop();
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** As it is installed, but for paths, ports and what the pod would have from Secrets. */
  function text(name: string, given: Record<string, string>): string {
    const own = join(folder, name);
    mkdirSync(own, { recursive: true });
    let conf = readFileSync(`config/nats/${name}/nats.conf`, 'utf8')
      .replace('"/data"', `"${join(own, 'store')}"`)
      .replace(/max_file_store: \d+GB/, 'max_file_store: 512MB')
      .replace('"0.0.0.0:7422"', `"127.0.0.1:${leafPort}"`)
      .replaceAll(/"0\.0\.0\.0:\d+"/g, '"127.0.0.1:-1"');
    for (const [variable, value] of Object.entries({ ...passwords, ...given }))
      conf = conf.replaceAll(`/etc/nats-tls/${variable}`, value).replaceAll(`$${variable}`, `"${value}"`);
    return conf;
  }

  const hubUrl = () => hub.url.replace('nats://127.0.0.1', 'tls://localhost');
  const credentials = (user: string, password: string) => {
    const path = join(folder, `${user}-credentials`);
    writeFileSync(path, `${user}:${password}`);
    return path;
  };
  async function as(user: string, pass: string): Promise<NatsConnection> {
    const ca = readFileSync(authority.ca, 'utf8');
    const connection = await connect({ servers: `localhost:${hub.port}`, user, pass, tls: { ca } });
    open.push(connection);
    return connection;
  }

  test('events go from the edge through the leaf node to a worker in the cloud, with the rights of each', async () => {
    const edge = sender(
      join(folder, 'outbox'),
      streamConfig(leaf.url, { domain: 'edge-1' }),
      {},
      { credentialsFile: credentials('edge', passwords.EDGE_PASSWORD) },
    );
    open.push(edge);
    const match = taker(
      streamConfig(hubUrl(), { leaves: ['edge-1'], maxBytes: 64 << 10 }),
      { upkeepMs: 500 },
      { credentialsFile: credentials('cloud', passwords.CLOUD_PASSWORD), caFile: authority.ca },
    );
    open.push({ close: () => match.stop() });
    await Promise.all(numbered('left', 1, 300).map((each) => edge.outbox.accept(each)));
    await until(() => match.taken.length >= 300, 'all arrive', 30_000);
    expect(ofKey(match.taken, 'left')).toEqual(upTo(300));
    expect(match.receiver.figures().problem).toBeUndefined();
  });

  test('the user of edge nodes may send, and neither read, remove nor send in the name of a leaf node', async () => {
    const cloud = await jetstreamManager(await as('cloud', passwords.CLOUD_PASSWORD), { checkAPI: false });
    await cloud.streams.add({ name: task.stream, subjects: [`${task.subjects}.hub.>`] });
    const connection = await as('edge', passwords.EDGE_PASSWORD);
    const options = { timeout: 500, checkAPI: false };
    const [client, admin] = [jetstream(connection, options), await jetstreamManager(connection, options)];
    const acknowledged = await client.publish(`${task.subjects}.hub.queue-match.tracklets.left`, 'x', {
      timeout: 2000,
    });
    expect(acknowledged.stream).toBe(task.stream);
    for (const forbidden of [
      () => client.publish(`${task.subjects}.leaf-edge-1.queue-match.tracklets.left`, 'x', { timeout: 500 }),
      () => admin.streams.getMessage(task.stream, { seq: 1 }),
      () => admin.consumers.add(task.stream, { durable_name: 'thief', ack_policy: 'explicit' }),
      () => admin.streams.purge(task.stream),
      () => admin.streams.delete(task.stream),
    ])
      await expect(forbidden()).rejects.toThrow();
    expect((await cloud.streams.info(task.stream)).state.messages).toBe(1);
  }, 30_000);

  test('nobody comes in without a password, or as a leaf node with that of a worker', async () => {
    await expect(as('edge', 'wrong')).rejects.toThrow(/authorization/i);
    const stranger = await startNats({
      folder: join(folder, 'stranger'),
      text: text('leaf', {
        'ca.crt': authority.ca,
        DOMAIN: 'edge-9',
        LEAF_URL: `tls://edge:${passwords.EDGE_PASSWORD}@localhost:${leafPort}`,
      }),
    });
    open.push({ close: () => stranger.stop() });
    await until(() => /Authorization Violation/i.test(stranger.log()), 'refused', 10_000);
  });
});
