// `npm run bench:delivery`: events/s through outbox and match on one core, beside the floor of the same bytes over bare HTTP
// and into bare SQLite; how long an hour's backlog takes, and what it takes of the disk. Pins itself to one core where it can.
import { spawnSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Database from 'libsql';
import { loadFunctions } from '../config/functions.ts';
import { Outbox, defaultOutboxOptions } from '../delivery/outbox.ts';
import type { OutgoingEvent } from '../delivery/eventRows.ts';
import { create as createMatch } from '../functions/match/handler.ts';
import type { Log } from '../functions/function.ts';
import { toEnvelope } from '../functions/host/codec.ts';
import { startWorker } from '../functions/host/worker.ts';
import { matchConfig } from './matchConfig.ts';
import { madeUpLooks, outgoing, peopleInView, traffic, visitS } from './traffic.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '4000' },
    rounds: { type: 'string', default: '3' },
    cameras: { type: 'string', default: '4' },
    role: { type: 'string' },
    folder: { type: 'string' },
    silent: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log('npm run bench:delivery -- [--events n] [--rounds n] [--cameras n]');
  process.exit(0);
}

/** Of a recording that has not begun: every decision waits for it. */
const silentCamera = 'silent';
const cameraIds = Array.from({ length: Number(values.cameras) }, (_, i) => `camera-${i}`);
const log: Log = { debug() {}, info() {}, warn() {}, error: console.error };
// The outcome of a full disk would measure nothing.
const quiet = { info() {}, warn() {}, error: console.error };

/** The child: the match worker with its real store, as a cloud has it. */
async function match(folder: string): Promise<void> {
  const config = matchConfig('bench', cameraIds, values.silent ? [silentCamera] : [], {
    storeFolder: folder,
  });
  const worker = await startWorker({
    config,
    functions: loadFunctions(),
    load: async () => createMatch,
    log,
    port: 0,
    host: '127.0.0.1',
    reportIntervalMs: 3_600_000,
    drainDeadlineMs: 20_000,
    drainGraceMs: 0,
  });
  process.send!({ port: worker.port });
}

/** The floor's child: takes a body, puts it into a table, answers. */
function bare(folder: string): void {
  const database = openBare(folder);
  const insert = database.prepare('INSERT INTO bodies (body) VALUES (?)');
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      // A lone object would be taken for named parameters.
      insert.run([Buffer.concat(chunks)]);
      response.writeHead(202).end();
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send!({ port: typeof address === 'object' && address ? address.port : 0 });
  });
}

function openBare(folder: string): Database.Database {
  const database = new Database(join(folder, 'bare.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  database.exec('CREATE TABLE IF NOT EXISTS bodies (seq INTEGER PRIMARY KEY, body BLOB)');
  return database;
}

async function child(
  role: 'match' | 'bare',
  folder: string,
  ...options: string[]
): Promise<{ port: number; process: ChildProcess }> {
  const script = fileURLToPath(import.meta.url);
  const made = fork(script, ['--role', role, '--folder', folder, ...options], { execArgv: process.execArgv });
  const [message] = (await once(made, 'message')) as [{ port: number }];
  return { port: message.port, process: made };
}

async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'mei-delivery-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    return await work(folder);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Accepting, storing, delivering and storing there, all on one core: events a second. `decides`: and who is who. */
function measureOutbox(events: OutgoingEvent[], decides: boolean): Promise<number> {
  return withFolder(async (folder) => {
    const silent = decides ? [] : ['--silent'];
    const receiver = await child('match', join(folder, 'store'), '--cameras', values.cameras, ...silent);
    const url = `http://127.0.0.1:${receiver.port}/`;
    const outbox = new Outbox({ folder: join(folder, 'outbox') }, { resolve: () => url, log: quiet });
    const began = performance.now();
    for (let at = 0; at < events.length; at += 32)
      await Promise.all(events.slice(at, at + 32).map((event) => outbox.accept(event)));
    await outbox.settle();
    const seconds = (performance.now() - began) / 1000;
    const { delivered, deadLetters } = outbox.figures();
    if (delivered !== events.length)
      throw new Error(`${delivered} of ${events.length} delivered, ${deadLetters} refused`);
    await outbox.close();
    receiver.process.kill('SIGKILL');
    return events.length / seconds;
  });
}

/** The same bytes: one insert here, one request over a kept connection, one insert there; 16 at a time. */
function measureFloor(bodies: Buffer[]): Promise<number> {
  return withFolder(async (folder) => {
    const receiver = await child('bare', folder);
    const here = new Database(join(folder, 'here.db'));
    here.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body BLOB)',
    );
    const insert = here.prepare('INSERT INTO bodies (body) VALUES (?)');
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const post = (body: Buffer) =>
      new Promise<void>((resolve, reject) => {
        const headers = { 'content-type': 'application/cbor', 'content-length': body.length };
        const sent = request(
          { host: '127.0.0.1', port: receiver.port, method: 'POST', agent, headers },
          (response) => {
            response.resume();
            response.once('end', resolve);
          },
        );
        sent.once('error', reject);
        sent.end(body);
      });
    const began = performance.now();
    for (let at = 0; at < bodies.length; at += 16)
      await Promise.all(
        bodies.slice(at, at + 16).map((body) => {
          insert.run([body]);
          return post(body);
        }),
      );
    const seconds = (performance.now() - began) / 1000;
    agent.destroy();
    here.close();
    receiver.process.kill('SIGKILL');
    return bodies.length / seconds;
  });
}

/** An hour without the cloud at five people in view of one camera, then the cloud is back. */
function measureRecovery(): Promise<{ events: number; mebibytes: number; seconds: number }> {
  return withFolder(async (folder) => {
    const hour = traffic(['camera-0'], 3600, madeUpLooks(40)).map(outgoing);
    let url: string | undefined = 'http://127.0.0.1:1/';
    const delivery = { ...defaultOutboxOptions.delivery };
    const away = new Outbox({ folder: join(folder, 'outbox'), delivery }, { resolve: () => url, log: quiet });
    for (let at = 0; at < hour.length; at += 32)
      await Promise.all(hour.slice(at, at + 32).map((event) => away.accept(event)));
    await away.close();
    const mebibytes = folderBytes(join(folder, 'outbox')) / 2 ** 20;
    const receiver = await child('match', join(folder, 'store'), '--cameras', '1');
    url = `http://127.0.0.1:${receiver.port}/`;
    const began = performance.now();
    const back = new Outbox({ folder: join(folder, 'outbox'), delivery }, { resolve: () => url, log: quiet });
    await back.settle();
    const seconds = (performance.now() - began) / 1000;
    const { delivered } = back.figures();
    if (delivered !== hour.length) throw new Error(`${delivered} of ${hour.length} delivered`);
    await back.close();
    receiver.process.kill('SIGKILL');
    return { events: hour.length, mebibytes, seconds };
  });
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const told = (numbers: number[]) =>
  `${median(numbers).toFixed(0)} (${Math.min(...numbers).toFixed(0)}-${Math.max(...numbers).toFixed(0)})`;

async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const pinned = spawnSync('taskset', ['-cp', '0', String(process.pid)]).status === 0;
  const seconds = (Number(values.events) / cameraIds.length / 25) * 20 + visitS;
  const events = traffic(cameraIds, seconds, madeUpLooks(40)).slice(0, Number(values.events));
  const bodies = events.map((event) => {
    const { data } = toEnvelope(event);
    return data.kind === 'bytes' ? Buffer.concat(data.parts) : Buffer.alloc(0);
  });
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0) / bodies.length;
  console.log(
    `${events.length} tracklets of ${cameraIds.length} cameras, ${bytes.toFixed(0)} bytes each; ` +
      `${pinned ? 'all processes on one core' : 'NOT pinned to one core'}; ${cpus()[0]?.model}, Node ${process.version}`,
  );
  const ours: number[] = [];
  const decided: number[] = [];
  const floor: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    floor.push(await measureFloor(bodies));
    ours.push(await measureOutbox(events.map(outgoing), false));
    decided.push(await measureOutbox(events.map(outgoing), true));
  }
  const ratio = median(ours.map((rate, i) => rate / floor[i]!));
  console.log(`bare HTTP and SQLite       ${told(floor)} events/s`);
  console.log(`outbox -> match, stored    ${told(ours)} events/s, ratio ${ratio.toFixed(2)}`);
  console.log(`outbox -> match, decided   ${told(decided)} events/s`);
  const recovery = await measureRecovery();
  console.log(
    `an hour without the cloud, ${peopleInView} people in view of one camera: ${recovery.events} events, ` +
      `${recovery.mebibytes.toFixed(1)} MiB of disk; all delivered and decided ${recovery.seconds.toFixed(1)} s after the cloud is back`,
  );
}

// However the parent ends, nobody is left behind.
if (values.role !== undefined) process.once('disconnect', () => process.exit());
if (values.role !== undefined && !process.connected) process.exit();
if (values.role === 'match') await match(values.folder!);
else if (values.role === 'bare') bare(values.folder!);
else await main();
