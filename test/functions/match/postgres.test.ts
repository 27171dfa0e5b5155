// The store on a PostgreSQL server, where it is not like a file: whose it is, what it costs, and what happens when the server goes.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { PermanentError, TransientError } from '../../../functions/function.ts';
import { openDatabase, type StoreDatabase } from '../../../functions/match/database.ts';
import { tablesInPostgres } from '../../../functions/match/dialect.ts';
import { LeaseLostError, openLease } from '../../../functions/match/lease.ts';
import { placeOf } from '../../../functions/match/place.ts';
import type { PostgresPlace } from '../../../functions/match/engine.ts';
import { postgresPlace } from '../../../functions/match/postgres.ts';
import { migrations } from '../../../functions/match/schema.ts';
import { openStore } from '../../../functions/match/store.ts';
import { InDoubtError } from '../../../functions/match/termErrors.ts';
import { onPostgres, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { threadArgv } from '../../support/stores.ts';

let server: TestPostgres;
const ending: (() => unknown)[] = [];
let tasks = 0;

function placeAt(url = server.url(), task: Partial<{ namespace: string; name: string }> = {}): PostgresPlace {
  return postgresPlace({ url }, { namespace: 'shop', name: `task-${++tasks}`, uid: '', ...task }, threadArgv);
}

function opened<T extends { close(): void }>(one: T): T {
  ending.push(() => one.close());
  return one;
}

const options = { synchronous: 'FULL', busyTimeoutMs: 5000 } as const;
const vector = new Float32Array([1, 2]);

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function succeeds(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof TransientError) return false;
    throw error;
  }
}

onPostgres('a store on a server', () => {
  beforeAll(async () => {
    server = await startPostgres({ tls: true });
  });
  afterEach(() => {
    for (const end of ending.splice(0).reverse()) end();
  });
  afterAll(() => server.stop());

  const columnsOf = (database: StoreDatabase, sql: string) =>
    database.prepare(sql).all() as { table: string; column: string }[];

  test('has the tables of a file, and one more for their version', () => {
    const place = placeAt();
    const there = columnsOf(
      opened(openDatabase(place, options)),
      `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
       WHERE table_schema = current_schema() AND table_name <> 'store_version'
       AND column_name NOT IN ('rowid', 'embedding') ORDER BY 1, 2`,
    );
    const file = opened(openDatabase(emptyFolder(), options));
    const here = columnsOf(
      file,
      `SELECT m.name AS "table", c.name AS "column" FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
       WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2`,
    );
    expect(here.length).toBeGreaterThan(60);
    expect(there.map(({ table, column }) => [table, column])).toEqual(
      here.map(({ table, column }) => [table, column]),
    );
  });

  test('brings the tables of an older version to this one, and keeps what is in them', async () => {
    const place = placeAt();
    const old = migrations.slice(0, 5).map(tablesInPostgres);
    await server.query(`CREATE SCHEMA "${place.schema}"; SET search_path TO "${place.schema}";
      ${old.join('')} ALTER TABLE paths ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY;
      CREATE TABLE store_version (version BIGINT, namespace TEXT, task TEXT);
      INSERT INTO store_version VALUES (5, 'shop', '${place.task.name}');
      INSERT INTO meta VALUES ('merged', '3')`);
    const store = opened(openStore(place));
    expect(store.totals().merged).toBe(3);
    store.keepPicture('anna', 'digest', new Uint8Array([1]));
    expect(store.ownPictureNames()).toEqual([{ target: 'anna', picture: 'digest' }]);
  });

  test('refuses one of a newer version', async () => {
    const place = placeAt();
    openStore(place).close();
    await server.query(`UPDATE "${place.schema}".store_version SET version = 99`);
    expect(() => openStore(place)).toThrow(
      /written by a newer version \(99, known up to \d+\): run that one/,
    );
    expect(() => openStore(place)).toThrow(PermanentError);
  });

  test('makes tables one at a time', async () => {
    const place = placeAt();
    const other = new pg.Client({ connectionString: server.url() });
    await other.connect();
    ending.push(() => void other.end());
    const lock = `SELECT pg_advisory_xact_lock(hashtextextended('mei store ${place.schema}', 0))`;
    await other.query(`BEGIN; ${lock}`);
    expect(() => openStore(place)).toThrow('somebody else holds what is to be written');
    await other.query('COMMIT');
    opened(openStore(place)).check();
  });

  test('belongs to one task: others of its name and of its namespace see nothing of it', async () => {
    await server.query(`CREATE ROLE shop LOGIN PASSWORD 'for tests'; CREATE ROLE bank LOGIN PASSWORD 'for tests';
      GRANT CREATE ON DATABASE mei TO shop, bank`);
    const ours = placeAt(server.url('shop'), { namespace: 'shop', name: 'people' });
    const theirs = placeAt(server.url('bank'), { namespace: 'bank', name: 'people' });
    const sameUser = placeAt(server.url('shop'), { namespace: 'bank', name: 'people-2' });
    opened(openStore(ours)).keepVector('secret', 'model', vector);
    for (const place of [theirs, sameUser])
      expect(opened(openStore(place)).vectorOf('secret', 'model')).toBeUndefined();
    // Whoever is told the wrong schema gets nothing either: by who it belongs to, and by the rights of the server.
    expect(() => openStore({ ...sameUser, schema: ours.schema })).toThrow(
      `schema ${ours.schema} is the store of shop/people, not of bank/people-2`,
    );
    expect(() => openStore({ ...theirs, schema: ours.schema })).toThrow(TransientError);
    const bank = new pg.Client({ connectionString: server.url('bank') });
    await bank.connect();
    ending.push(() => void bank.end());
    await expect(bank.query(`SELECT * FROM "${ours.schema}".pictures`)).rejects.toThrow('permission denied');
  });

  test('takes one connection of a thread, whatever it opens, with limits on what it may take', async () => {
    const place = placeAt();
    const [lease, store] = [opened(openLease(place)), opened(openStore(place))];
    for (let i = 0; i < 5; i++) openStore(place).close();
    expect([lease.state(), store.totals().tracks]).toEqual([undefined, 0]);
    const name = `mei shop/${place.task.name}`;
    const [found] = await server.query<{ count: string }>(
      'SELECT count(*) AS count FROM pg_stat_activity WHERE application_name = $1',
      [name],
    );
    expect(found!.count).toBe('1');
    const database = opened(openDatabase(place, options));
    const setting = (of: string) =>
      (database.prepare('SELECT current_setting(?) AS value').get(of) as { value: string }).value;
    expect(['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'].map(setting)).toEqual(
      ['30s', '2s', '10s'],
    );
  });

  test.each<[string, () => string, RegExp]>([
    [
      'a wrong password',
      () => server.url().replace('for%20tests', 'hush'),
      /mei@127\.0\.0\.1:\d+\/mei: the server refuses the password/,
    ],
    ['no such database', () => server.url().replace(/mei$/, 'nope'), /no such database: create it/],
    [
      'nobody listens',
      () => 'postgres://mei:hush@127.0.0.1:1/mei',
      /nothing listens there: start the server/,
    ],
    ['no address', () => 'mysql://mei:hush@host/mei', /STORE_URL: must be one line such as postgres:/],
    [
      'an unknown parameter',
      () => `${server.url()}?ssl=1&password=hush`,
      /parameter ssl is not known; known are sslmode/,
    ],
    [
      'a certificate that nobody vouches for',
      () => `${server.url()}?sslmode=verify-full`,
      /not trusted .*sslrootcert/,
    ],
  ])('%s is one line that says what to do, without the password', (_, url, expected) => {
    const place = placeAt(url());
    const error = thrownBy(() => openStore(place));
    expect(error).toBeInstanceOf(TransientError);
    expect(error.message).toMatch(expected);
    expect(error.message).not.toMatch(/hush|for%20tests|for tests/);
  });

  test('speaks TLS when it is asked to, and knows the authority', async () => {
    const place = placeAt(`${server.url()}?sslmode=verify-full&sslrootcert=${server.certificate}`);
    opened(openStore(place));
    const [row] = await server.query<{ ssl: boolean }>(
      'SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $1',
      [`mei shop/${place.task.name}`],
    );
    expect(row).toEqual({ ssl: true });
    const near = placeAt(`${server.url()}?sslmode=require`);
    opened(openStore(near));
  });

  test('goes on after the server was killed and started again, and has what was stored', async () => {
    const store = opened(openStore(placeAt()));
    store.keepVector('before', 'model', vector);
    await server.kill();
    expect(() => store.keepVector('while', 'model', vector)).toThrow(TransientError);
    // Not even once for every question: it pauses, and says why.
    expect(() => store.keepVector('while', 'model', vector)).toThrow(/nothing listens there/);
    await server.start();
    await until(() => succeeds(() => store.keepVector('after', 'model', vector)), 'the store writes again');
    expect(store.vectorOf('before', 'model')).toEqual(vector);
    expect(store.vectorOf('while', 'model')).toBeUndefined();
  });

  test('nobody takes over in the middle of what another one writes', async () => {
    const place = placeAt();
    const lease = opened(openLease(place));
    expect(lease.take('a', undefined)).toBe(1);
    const writer = new pg.Client({ connectionString: server.url() });
    await writer.connect();
    ending.push(() => void writer.end());
    await writer.query(`BEGIN; SELECT * FROM "${place.schema}".lease FOR SHARE`);
    expect(() => lease.take('b', lease.state())).toThrow('somebody else holds');
    await writer.query('COMMIT');
    expect(lease.take('b', lease.state())).toBe(2);
    const late = opened(openStore(place, 1));
    expect(() => late.keepVector('x', 'model', vector)).toThrow(LeaseLostError);
  });

  test('a write whose answer got lost is stored once, and nothing is added to what is in doubt', async () => {
    const proxy = await startCuttingProxy(server.port);
    ending.push(() => void proxy.terminate());
    const place = placeAt(server.url().replace(`:${server.port}/`, `:${proxy.port}/`));
    const lease = opened(openLease(place));
    lease.take('a', undefined);
    const store = opened(openStore(place, 1));
    store.keepVector('sure', 'model', vector);
    proxy.arm();
    expect(() => store.keepVector('doubtful', 'model', vector)).toThrow(InDoubtError);
    expect(() => store.keepVector('later', 'model', vector)).toThrow(InDoubtError);
    await until(() => succeeds(() => lease.state()), 'the server is reached again');
    expect(lease.state()).toMatchObject({ holder: 'a', epoch: 1 });
    expect(() => store.keepVector('later', 'model', vector)).toThrow('nobody knows yet whether it is stored');
    const anew = opened(openStore(place, 1));
    expect(anew.vectorOf('doubtful', 'model')).toEqual(vector);
    expect(anew.vectorOf('later', 'model')).toBeUndefined();
  });

  test('text that the server cannot hold is refused for good, and leaves no transaction behind', () => {
    const store = opened(openStore(placeAt()));
    expect(() => store.keepVector('a\u0000b', 'model', vector)).toThrow(PermanentError);
    store.keepVector(`it's "\\x41" ? $1`, 'model', vector);
    expect(store.vectorOf(`it's "\\x41" ? $1`, 'model')).toEqual(vector);
  });
});

test.each<[string, NodeJS.ProcessEnv, string | RegExp]>([
  ['a folder', {}, '/store'],
  ['a server', { STORE_URL: 'postgres://a@b/c' }, 'PostgreSQL, schema mei_shop_people_0123abcd'],
  ['a file', { STORE_URL_FILE: '/run/x', STORE_URL: '' }, 'PostgreSQL, schema mei_shop_people_0123abcd'],
  ['a named store', { STORE_URL: 'postgres://a@b/c', STORE_NAME: 'all' }, 'PostgreSQL, schema mei_shop__all'],
  ['both', { STORE_URL: 'postgres://a@b/c', STORE_URL_FILE: '/run/x' }, /set one of them/],
])('the environment says where the store is: %s', (_, environment, expected) => {
  const worker = {
    task: { namespace: 'shop', name: 'people', uid: '0123abcd-ef', generation: 1 },
    storeFolder: '/store',
  };
  if (expected instanceof RegExp) return expect(() => placeOf(worker, environment)).toThrow(expected);
  const place = placeOf(worker, environment);
  expect(typeof place === 'string' ? place : place.name).toBe(expected);
});

test('long names of tasks get schemas of their own, within what the server keeps of a name', () => {
  const schema = (name: string) => {
    const place = postgresPlace({ url: '' }, { namespace: 'n'.repeat(63), name, uid: 'u' });
    return place.schema;
  };
  expect(schema('a')).not.toBe(schema('b'));
  expect(schema('a')).toHaveLength(63);
});

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mei-postgres-file-'));
  ending.unshift(() => rmSync(folder, { recursive: true }));
  return folder;
}

function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

/** In a thread of its own: this one stands still while it waits for the store. */
async function startCuttingProxy(
  port: number,
): Promise<{ port: number; arm(): void; terminate(): Promise<number> }> {
  const code = `
    const { connect, createServer } = require('node:net');
    const { parentPort, workerData } = require('node:worker_threads');
    const armed = new Int32Array(workerData.armed);
    const server = createServer((client) => {
      const target = connect(workerData.port, '127.0.0.1');
      let isCut = false;
      client.on('data', (bytes) => {
        isCut ||= bytes.includes('COMMIT') && Atomics.exchange(armed, 0, 0) === 1;
        target.write(bytes);
      });
      // The server has answered, so that it is done: nobody hears it.
      target.on('data', (bytes) => (isCut ? client.destroy() : client.write(bytes)));
      for (const [one, other] of [[client, target], [target, client]])
        one.on('close', () => other.destroy()).on('error', () => other.destroy());
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;
  const armed = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(code, { eval: true, execArgv: [], workerData: { port, armed: armed.buffer } });
  const [proxyPort] = (await once(worker, 'message')) as [number];
  return {
    port: proxyPort,
    arm: () => void Atomics.store(armed, 0, 1),
    terminate: () => worker.terminate(),
  };
}
