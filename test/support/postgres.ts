// A PostgreSQL server of its own for tests: on a free port of loopback, in a temporary folder, with programs of Debian or of PyPI's
// pgserver, which brings pgvector. docs/testing.md says how to get them.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe } from '@jest/globals';
import pg from 'pg';

/** Password of the superuser `mei` and of everybody whom a test makes. */
const password = 'for tests';
const startMs = 60_000;

/** Where docs/testing.md puts pgserver. */
const pypi = '.cache/postgres-venv/lib';

/** Folder of the programs; undefined where there is none. */
function programsWith(vectors: boolean): string | undefined {
  if (!vectors && existsSync('/usr/lib/postgresql'))
    for (const version of readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a)))
      if (existsSync(`/usr/lib/postgresql/${version}/bin/postgres`))
        return `/usr/lib/postgresql/${version}/bin`;
  for (const python of existsSync(pypi) ? readdirSync(pypi) : []) {
    const bin = resolve(pypi, python, 'site-packages/pgserver/pginstall/bin');
    if (existsSync(join(bin, 'postgres'))) return bin;
  }
  return undefined;
}

/** Tests that need a server: skipped by name without one, failed in CI. */
export function onPostgres(name: string, tests: () => void, vectors = false): void {
  if (hasPostgres(vectors)) describe(name, tests);
  else
    describe.skip(
      `${name} (no PostgreSQL${vectors ? ' with pgvector' : ''} here: see docs/testing.md)`,
      tests,
    );
}

/** Whether tests on one have to run. */
export function hasPostgres(vectors = false): boolean {
  return programsWith(vectors) !== undefined || process.env['CI'] === 'true';
}

export interface TestPostgres {
  port: number;
  /** What the server is known by, signed by itself. */
  certificate: string;
  /** Of the superuser, or of `user`; database `mei`. */
  url(user?: string): string;
  /** As the superuser. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Again, on the same port with the same data. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @throws Error with the server's last words */
export async function startPostgres({
  vectors = false,
  tls = false,
  settings = [] as string[],
} = {}): Promise<TestPostgres> {
  const programs = programsWith(vectors);
  if (programs === undefined)
    throw new Error(`no PostgreSQL${vectors ? ' with pgvector' : ''}: see docs/testing.md`);
  const folder = mkdtempSync(join(tmpdir(), 'mei-postgres-'));
  const owner = serverUser();
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password);
  execFileSync(
    join(programs, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'mei',
      '-A',
      'scram-sha-256',
      '--pwfile',
      passwordFile,
      '-E',
      'UTF8',
      '--locale',
      'C',
      '-N',
    ],
    { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const [certificate, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const names = ['-subj', '/CN=postgres', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', ...kind, ...names, '-keyout', key, '-out', certificate], {
    ...owner,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const port = await freePort();
  const fixed = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    'fsync=off',
    'max_connections=30',
    'shared_buffers=32MB',
    'autovacuum=off',
    ...(tls ? ['ssl=on', `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`] : []),
    ...settings,
  ];
  let server: ChildProcess | undefined;
  const url = (user = 'mei', database = 'mei') =>
    `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;

  async function query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = [], database = 'mei') {
    const client = new pg.Client({ connectionString: url('mei', database) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  async function start(): Promise<void> {
    const args = ['-D', data, ...fixed.flatMap((setting) => ['-c', setting])];
    const begun = spawn(join(programs!, 'postgres'), args, {
      ...owner,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server = begun;
    let said = '';
    begun.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
    const end = performance.now() + startMs;
    for (;;) {
      if (begun.exitCode !== null) throw new Error(`PostgreSQL did not start: ${said}`);
      if (
        await query('SELECT 1', [], 'postgres').then(
          () => true,
          () => false,
        )
      )
        return;
      if (performance.now() > end) throw new Error(`PostgreSQL is not ready in time: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const ending = server;
    server = undefined;
    if (!ending || ending.exitCode !== null) return;
    const gone = once(ending, 'exit');
    ending.kill(signal);
    await gone;
  }

  await start();
  await query('CREATE DATABASE mei', [], 'postgres');
  return {
    port,
    certificate,
    url,
    query: (sql, values) => query(sql, values),
    kill: () => end('SIGQUIT'),
    start,
    async stop() {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** It refuses to run as root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'postgres' || name === 'nobody');
  return { uid: Number(entry?.[2] ?? 65534), gid: Number(entry?.[3] ?? 65534) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
