// Runs the tests of a store on each engine: on a file, and on a PostgreSQL server, which is skipped by name where there is none.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe } from '@jest/globals';
import { openDatabase, type StoreDatabase, type StorePlace } from '../../functions/match/database.ts';
import { postgresPlace } from '../../functions/match/postgres.ts';
import { hasPostgres, startPostgres, type TestPostgres } from './postgres.ts';

/** For threads that a test starts. */
export const threadArgv = ['--import', './test/support/typescriptThreads.mjs'];

export interface TestStore {
  /** An empty store for each test. */
  readonly place: StorePlace;
  /** Empties it; whatever has it open is closed. */
  renew(): void;
  rows<Row>(sql: string): Row[];
  exec(sql: string): void;
}

interface Engine {
  store: TestStore;
  begin: () => Promise<void>;
  end: () => Promise<void>;
}

/** `body` makes the tests of one engine. */
export function onEachEngine(body: (store: TestStore) => void): void {
  describe('on a file', () => within(onFile(), body));
  const name = 'on PostgreSQL';
  if (hasPostgres()) describe(name, () => within(onServer(), body));
  else describe.skip(`${name} (none here: see docs/testing.md)`, () => body(onFile().store));
}

function within({ store, begin, end }: Engine, body: (store: TestStore) => void): void {
  beforeAll(begin);
  beforeEach(() => store.renew());
  body(store);
  afterAll(end);
}

function onFile(): Engine {
  let folder: string | undefined;
  const drop = () => void (folder && rmSync(folder, { recursive: true, force: true }));
  const withDatabase = <T>(use: (database: StoreDatabase) => T): T => {
    const database = openDatabase(folder!, { synchronous: 'NORMAL', busyTimeoutMs: 5000 });
    try {
      return use(database);
    } finally {
      database.close();
    }
  };
  return {
    store: {
      get place() {
        return folder!;
      },
      renew() {
        drop();
        folder = mkdtempSync(join(tmpdir(), 'mei-store-'));
      },
      rows: <Row>(sql: string) => withDatabase((database) => database.prepare(sql).all() as Row[]),
      exec: (sql) => withDatabase((database) => void database.exec(sql)),
    },
    begin: async () => undefined,
    end: async () => drop(),
  };
}

function onServer(): Engine {
  let server: TestPostgres | undefined;
  let place: StorePlace | undefined;
  /** Keeps the connection, which every test would have to wait for. */
  let kept: StoreDatabase | undefined;
  return {
    store: {
      get place() {
        return place!;
      },
      renew() {
        const tables = kept!
          .prepare(
            `SELECT string_agg(quote_ident(tablename), ', ') AS names FROM pg_tables
             WHERE schemaname = current_schema() AND tablename <> 'store_version'`,
          )
          .get() as { names: string };
        kept!.exec(`TRUNCATE ${tables.names} RESTART IDENTITY`);
      },
      rows: <Row>(sql: string) => kept!.prepare(sql).all() as Row[],
      exec: (sql) => void kept!.exec(sql),
    },
    async begin() {
      server = await startPostgres();
      const task = { namespace: 'default', name: 'task', uid: '' };
      place = postgresPlace({ url: server.url() }, task, threadArgv);
      kept = openDatabase(place, { synchronous: 'FULL', busyTimeoutMs: 5000 });
    },
    async end() {
      kept?.close();
      await server?.stop();
    },
  };
}
