// Who gets a connection to a NATS server and who does not: credentials, certificates, the domain of a leaf node; and that secrets are not said.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { nkeys } from '@nats-io/transport-node';
import { Link, type LinkOptions } from '../../delivery/jetstream/link.ts';
import { createAuthority } from '../controller/link/certificates.ts';
import { onNats, startNats, type NatsServer } from '../support/nats.ts';
import { until } from './receiver.ts';
import { event, sender, streamConfig, taker } from './streamWorld.ts';

const secret = 'a-token-of-this-test';

onNats('access to NATS', () => {
  let folder: string;
  let server: NatsServer | undefined;
  const links: Link[] = [];
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nats-access-'));
  });
  afterEach(async () => {
    for (const link of links.splice(0)) await link.close();
    await server?.stop();
    if (server) rmSync(server.folder, { recursive: true, force: true });
    server = undefined;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function outcome(options: Partial<LinkOptions>, url = server!.url): Promise<string> {
    const link = new Link({ url, name: 'test', timeoutMs: 2000, ...options });
    links.push(link);
    return link.connected().then(
      () => 'connected',
      ({ message }: Error) => message,
    );
  }

  test('a token opens the server, another one does not, and is not repeated in the reason', async () => {
    server = await startNats({ config: `authorization { token: "${secret}" }` });
    expect(await outcome({ credentialsFile: file('token', `${secret}\n`) })).toBe('connected');
    for (const credentialsFile of [undefined, file('other', 'another-token')]) {
      const reason = await outcome({ credentialsFile });
      expect(reason).toMatch(/^NATS at nats:.*Authorization Violation/i);
      expect(reason).not.toContain('another-token');
    }
    expect(await outcome({ credentialsFile: join(folder, 'none') })).toMatch(/no such file/);
    expect(await outcome({ credentialsFile: file('words', 'two words') })).toMatch(
      /holds neither a .creds file/,
    );
  });

  test("the seed of a user's nkey opens the server, and a renewed file is read for the next connection", async () => {
    const user = nkeys.createUser();
    const seed = Buffer.from(user.getSeed()).toString();
    server = await startNats({ config: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }` });
    const credentialsFile = file('seed', 'old-token');
    const link = new Link({ url: server.url, name: 'test', timeoutMs: 2000, credentialsFile });
    links.push(link);
    await expect(link.connected()).rejects.toThrow(/authorization/i);
    file('seed', seed);
    expect((await link.connected()).connection.isClosed()).toBe(false);
  });

  test('certificates count: only an authority that is named is trusted, and tls:// asks for encryption', async () => {
    const authority = createAuthority(folder, 'own');
    const stranger = createAuthority(folder, 'strange');
    const { certificate, key } = authority.sign('hub', 'DNS:localhost');
    server = await startNats({ config: `tls { cert_file: "${certificate}", key_file: "${key}" }` });
    const url = server.url.replace('nats://127.0.0.1', 'tls://localhost');
    expect(await outcome({ caFile: authority.ca }, url)).toBe('connected');
    expect(await outcome({ caFile: stranger.ca }, url)).toMatch(/certificate/);
    expect(await outcome({}, url)).toMatch(/certificate/);
    const plain = await startNats();
    expect(
      await outcome({ caFile: authority.ca }, plain.url.replace('nats://127.0.0.1', 'tls://localhost')),
    ).toMatch(/tls/i);
    await plain.stop();
    rmSync(plain.folder, { recursive: true, force: true });
  });

  test('a server of another domain is not the leaf node of this node', async () => {
    server = await startNats({ domain: 'edge-2' });
    expect(await outcome({ domain: 'edge-2' })).toBe('connected');
    expect(await outcome({ domain: 'edge-1' })).toMatch(/domain is edge-2, not edge-1/);
  });

  test('a server without JetStream, and a user without rights, are named; events wait', async () => {
    const rights = 'publish: ["_INBOX.>", "$JS.API.STREAM.INFO.>"], subscribe: "_INBOX.>"';
    server = await startNats({
      config: `authorization { users: [ { user: a, password: b, permissions: { ${rights} } } ] }\nno_auth_user: a`,
    });
    const edge = sender(join(folder, 'outbox'), streamConfig(server.url));
    const match = taker(streamConfig(server.url));
    await edge.outbox.accept(event('left-1'));
    await until(
      () => /not allowed: publish .*STREAM.CREATE/.test(edge.outbox.figures().problem ?? ''),
      'said',
    );
    await until(() => match.receiver.figures().problem !== undefined, 'the receiver says it too');
    expect(edge.outbox.figures()).toMatchObject({ waiting: 1, deadLetters: 0 });
    await match.stop();
    await edge.close();
  });
});
