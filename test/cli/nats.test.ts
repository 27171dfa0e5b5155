// A task whose events go through a NATS server, as docs/nats.md shows it: the server asks for a token, and is killed meanwhile.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Status } from '../../config/schema/status.ts';
import { until } from '../delivery/receiver.ts';
import { onNats, startNats, type NatsServer } from '../support/nats.ts';

const token = 'not-to-be-seen-anywhere';

onNats('mei run through NATS', () => {
  let folder: string;
  let server: NatsServer;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mei-nats-'));
    server = await startServer();
  });
  afterEach(async () => {
    await server.stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const startServer = (port?: number) =>
    startNats({
      folder: join(folder, 'nats'),
      config: `authorization { token: "${token}" }`,
      ...(port !== undefined && { port }),
    });

  /** Undefined while there is none, or no server. */
  async function stored(): Promise<{ name: string; messages: number } | undefined> {
    try {
      const connection = await connect({ servers: `127.0.0.1:${server.port}`, token });
      const admin = await jetstreamManager(connection);
      const [found] = await admin.streams.list().next();
      await connection.close();
      return found && { name: found.config.name, messages: found.state.messages };
    } catch {
      return undefined;
    }
  }

  test('recordings are done although the server is killed and comes back, and the token is in no file', async () => {
    const task = readFileSync('config/samples/two-cameras.yaml', 'utf8')
      .replace('spec:', `spec:\n  delivery: { type: Broker, broker: { url: "${server.url}" } }`)
      .replaceAll('../../samples/', `${process.cwd()}/samples/`);
    writeFileSync(join(folder, 'task.yaml'), task);
    writeFileSync(join(folder, 'token'), `${token}\n`);
    const out = join(folder, 'out');
    const args = ['run', join(folder, 'task.yaml'), '--out', out, '--no-video', '--no-console', '--json'];
    const child = spawn(process.execPath, ['--import', 'tsx', 'cli/mei.ts', ...args], {
      env: { ...process.env, MEI_NATS_CREDENTIALS_FILE: join(folder, 'token') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    let seen: Awaited<ReturnType<typeof stored>>;
    await until(
      () => {
        void stored().then((now) => (seen = now));
        return (seen?.messages ?? 0) > 5;
      },
      'events are in the stream',
      60_000,
    );
    await server.stop('SIGKILL');
    server = await startServer(server.port);
    expect([await ended, said]).toEqual([0, said]);
    const status = JSON.parse(readFileSync(join(out, 'status.json'), 'utf8')) as Status;
    expect(status.phase).toBe('Completed');
    expect(readFileSync(join(out, 'identities.jsonl'), 'utf8').trim().split('\n').length).toBeGreaterThan(1);
    expect((await stored())!.name).toMatch(/^mei-default-two-cameras-[0-9a-f]{8}$/);
    const logs = readdirSync(join(out, 'workers')).map((name) =>
      readFileSync(join(out, 'workers', name), 'utf8'),
    );
    expect(logs.join('')).toContain('events are taken from the stream');
    expect(`${logs.join('')}${said}`).not.toContain(token);
    expect(logs.join('')).not.toMatch(/event given up|events dropped/);
  }, 200_000);
});
