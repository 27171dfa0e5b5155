// The owner of a task is killed while its store is on a PostgreSQL server: real workers, of which another takes over.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { StageEvent } from '../../../config/events.ts';
import { binaryMessage } from '../../../delivery/binding.ts';
import { toEnvelope } from '../../../functions/host/codec.ts';
import { readIdentities } from '../../../functions/match/export.ts';
import { postgresPlace } from '../../../functions/match/postgres.ts';
import { onPostgres, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { threadArgv } from '../../support/stores.ts';
import { workerConfig } from '../host/support.ts';
import { interleave, makeWorld, random } from './world.ts';

const root = new URL('../../../', import.meta.url).pathname;
const world = makeWorld(17, 16, 3, 0.3);
/** The models of real embedders have long names. */
const model = 'ab'.repeat(32);
const events = interleave(world, random(5), 0).map((event): StageEvent =>
  event.id === 'ended' ? event : { ...event, data: { ...(event.data as object), model } },
);
const mostMs = 60_000;

interface Running {
  name: string;
  child: ChildProcess;
  url: string;
  log: () => string;
}

onPostgres('the owner of a task', () => {
  let server: TestPostgres;
  let folder: string;
  let running: Running[];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'match-failover-'));
    running = [];
    server = await startPostgres();
  });
  afterEach(async () => {
    for (const each of running) await end(each, 'SIGKILL');
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Each with a folder of its own, as on another node: only the server is common. */
  async function start(task: string, name: string): Promise<Running> {
    const own = mkdtempSync(join(folder, `${name}-`));
    const config = workerConfig(['match'], { storeFolder: own, worker: name, group: 'match' });
    config.task = { ...config.task, name: task, uid: task };
    config.cameras = world.cameras.map((id) => ({
      id,
      source: { type: 'File', realtime: false, transport: 'TCP' },
      mask: [],
    }));
    const [path, address] = [join(own, 'worker.json'), join(own, 'address')];
    writeFileSync(path, JSON.stringify(config));
    writeFileSync(address, `${server.url()}\n`);
    const child = fork(join(root, 'functions/host/main.ts'), {
      cwd: root,
      // The second lets threads import .ts files too.
      execArgv: ['--import', 'tsx', ...threadArgv],
      env: { ...process.env, MEI_WORKER_CONFIG: path, NODE_OPTIONS: '', STORE_URL_FILE: address },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let log = '';
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (bytes: Buffer) => (log += bytes.toString()));
    const listening = once(child, 'message', { signal: AbortSignal.timeout(mostMs) });
    const [message] = (await listening.catch(() => [{}])) as [{ type?: string; port?: number }];
    if (message.port === undefined) throw new Error(`${name} does not start: ${log}`);
    const worker = { name, child, url: `http://127.0.0.1:${message.port}/`, log: () => log };
    running.push(worker);
    return worker;
  }

  /** As senders do it: another one is asked when one does not answer, or says that it is not the one. */
  async function send(event: StageEvent, to: Running[]): Promise<Running> {
    const { headers, parts } = binaryMessage(toEnvelope(event));
    const body = Buffer.concat(parts);
    const until = performance.now() + mostMs;
    for (let i = 0; performance.now() < until; i++) {
      const worker = to[i % to.length]!;
      const answer = await fetch(worker.url, { method: 'POST', headers, body }).catch(() => undefined);
      if (answer?.ok) return worker;
      if (answer && ![429, 503].includes(answer.status))
        throw new Error(`${worker.name}: ${answer.status} ${await answer.text()}`);
      if (i % to.length === to.length - 1) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`nobody takes ${event.id}: ${to.map(({ log }) => log().slice(-500)).join('\n')}`);
  }

  function peopleOf(task: string): string[] {
    const place = postgresPlace(
      { url: server.url() },
      { namespace: 'default', name: task, uid: task },
      threadArgv,
    );
    return readIdentities(place)
      .map(({ tracks }) =>
        tracks
          .map(({ camera, track }) => `${camera}/${track}`)
          .sort()
          .join(' '),
      )
      .sort();
  }

  test('is killed, another one goes on with all that it had stored, and nobody is lost or counted twice', async () => {
    const calm = await start('calm', 'alone');
    for (const event of events) await send(event, [calm]);
    await end(calm, 'SIGTERM');

    const first = await start('shop', 'match');
    const second = await start('shop', 'match2');
    const both = [first, second];
    const half = Math.floor(events.length / 2);
    let owner: Running | undefined;
    for (const event of events.slice(0, half)) {
      const taker = await send(event, both);
      expect(taker).toBe((owner ??= taker));
    }
    await end(owner!, 'SIGKILL');
    const other = both.find((each) => each !== owner)!;
    // The last one may have been stored without anybody hearing of it: it comes again.
    for (const event of events.slice(half - 1)) expect(await send(event, both)).toBe(other);
    expect(other.log()).toMatch(/this worker decides from now on/);
    expect(peopleOf('shop')).toEqual(peopleOf('calm'));
    const [{ announced }] = (await server.query(
      'SELECT count(*) - count(DISTINCT (source, cause)) AS announced FROM mei_default_shop_shop.events',
    )) as [{ announced: string }];
    expect(announced).toBe('0');
    // What is written about a store never says how to get into it.
    for (const { log } of running) expect(log()).not.toMatch(/for%20tests|for tests/);
  }, 180_000);
});

async function end({ child }: Running, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
