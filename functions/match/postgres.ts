// A store on a PostgreSQL server, each task in a schema of its own; database.ts opens it. All that a thread has open of one store
// shares one connection, which is enough: a thread asks one thing at a time.
import { createHash } from 'node:crypto';
import { PermanentError } from '../function.ts';
import type { PostgresPlace, Statement, StoreDatabase, Transaction } from './engine.ts';
import { PostgresLink } from './postgresLink.ts';
import { isCurrent, lockNameOf, migrateSchema } from './postgresSchema.ts';
import type { Sent } from './postgresThread.ts';
import { ensureVectors, findVectors, type VectorColumn } from './postgresVectors.ts';
import type { AddressSource } from './postgresUrl.ts';

/** More is sent before the transaction is complete: bounded memory, here and on the server. */
const mostQueued = 2000;
const statementTimeoutMs = 30_000;
const lockTimeoutMs = 2000;

interface StoreOwner {
  namespace: string;
  name: string;
  uid: string;
  /** Of a store that several tasks of the namespace go on with. */
  storeName?: string;
}

/** Where a task's store is. A task that is made anew under an old name has another uid, and begins with nothing. */
export function postgresPlace(
  source: AddressSource,
  owner: StoreOwner,
  threadArgv?: string[],
): PostgresPlace {
  const { namespace, name, storeName } = owner;
  const schema = schemaOf(owner);
  return {
    name: `PostgreSQL, schema ${schema}`,
    source,
    task: { namespace, name: storeName ?? name },
    schema,
    ...(threadArgv && { threadArgv }),
  };
}

/** Underscores are in no name of Kubernetes, so that no two stores get the same. */
function schemaOf({ namespace, name, uid, storeName }: StoreOwner): string {
  const own = [name, ...(uid === '' ? [] : [uid.slice(0, 8)])];
  const parts = ['mei', namespace, ...(storeName === undefined ? own : ['', storeName])];
  const long = parts.join('_');
  if (Buffer.byteLength(long) <= longestSchema) return long;
  const digest = createHash('sha256').update(parts.join('/')).digest('hex').slice(0, 16);
  return `${long.slice(0, longestSchema - 17)}_${digest}`;
}

/** The server cuts longer names off. */
const longestSchema = 63;

interface Known {
  link: PostgresLink;
  users: number;
  /** Whether its tables are of this version. */
  isCurrent: boolean;
  /** Absent: the server cannot compare them. */
  vectors?: VectorColumn | undefined;
}

/** By address, schema and whose it is. */
const links = new Map<string, Known>();

/** Of the newest version. @throws TransientError with what to do, PermanentError when a newer program wrote it or another task owns it */
export function openPostgres(place: PostgresPlace): PostgresDatabase {
  return opened(place, (database, known) => {
    if (known.isCurrent) return true;
    migrateSchema(database, place);
    known.vectors = ensureVectors(database, lockNameOf(place));
    known.isCurrent = true;
    return true;
  })!;
}

/** For those who only read; undefined while nothing is stored yet. @throws as openPostgres */
export function connectPostgres(place: PostgresPlace): PostgresDatabase | undefined {
  return opened(place, (database, known) => {
    if (known.isCurrent) return true;
    known.vectors = findVectors(database);
    return (known.isCurrent = isCurrent(database, place));
  });
}

function opened(
  place: PostgresPlace,
  isUsable: (database: PostgresDatabase, known: Known) => boolean,
): PostgresDatabase | undefined {
  const { source, schema, task, threadArgv } = place;
  const key = JSON.stringify([source, schema, task]);
  const known = links.get(key) ?? {
    link: new PostgresLink({
      source,
      schema,
      application: `mei ${task.namespace}/${task.name}`,
      statementTimeoutMs,
      lockTimeoutMs,
      ...(threadArgv && { threadArgv }),
    }),
    users: 0,
    isCurrent: false,
  };
  links.set(key, known);
  known.users += 1;
  const close = () => {
    known.users -= 1;
    if (known.users > 0) return;
    links.delete(key);
    known.link.end();
  };
  const database = new PostgresDatabase(place, known, close);
  let isKept = false;
  try {
    isKept = isUsable(database, known);
    return isKept ? database : undefined;
  } finally {
    if (!isKept) database.close();
  }
}

export function isPostgres(database: StoreDatabase): database is PostgresDatabase {
  return database.engine === 'postgres';
}

interface Queued extends Sent {
  changes?: number;
}

interface Open {
  /** What was not sent yet. */
  queue: Queued[];
  /** On which connection it began. */
  session: number | undefined;
  /** The server has refused a part of it, and with that all of it. */
  hasFailed: boolean;
}

/** Those from which somebody can be erased. */
const personal = [
  'tracks',
  'prototypes',
  'paths',
  'contacts',
  'sightings',
  'traces',
  'inbox',
  'events',
  'names',
  'pictures',
  'target_pictures',
  'erasures',
];

export class PostgresDatabase implements StoreDatabase {
  readonly engine = 'postgres';
  readonly place: PostgresPlace;
  readonly #known: Known;
  readonly #link: PostgresLink;
  readonly #onClose: () => void;
  #isClosed = false;
  /** The transaction under way. */
  #open: Open | undefined;

  constructor(place: PostgresPlace, known: Known, onClose: () => void) {
    this.place = place;
    this.#known = known;
    this.#link = known.link;
    this.#onClose = onClose;
  }

  /** Where it can compare vectors itself. */
  get vectors(): VectorColumn | undefined {
    return this.#known.vectors;
  }

  prepare(sql: string): Statement {
    return {
      get: (...values) => this.#read({ sql, values })[0],
      all: (...values) => this.#read({ sql, values }),
      run: (...values) => this.#write({ sql, values }),
    };
  }

  exec(sql: string): void {
    this.#write({ sql, values: [] });
  }

  /** All that `read` reads is of one moment. */
  snapshot<T>(read: () => T): T {
    return this.#within('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', read);
  }

  transaction<Arguments extends unknown[], Result>(
    work: (...values: Arguments) => Result,
  ): Transaction<Arguments, Result> {
    const run = (...values: Arguments) => this.#within('BEGIN', () => work(...values));
    return Object.assign(run, { immediate: run });
  }

  /** Frees what deleted rows took, in the background. @returns whether it is done: asked again until it is */
  clearAway(): boolean {
    return this.#link.askLong(`VACUUM (ANALYZE) ${personal.join(', ')}`);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#rollBack();
    this.#onClose();
  }

  #within<T>(begin: string, work: () => T): T {
    if (this.#isClosed) throw new PermanentError('the store is closed');
    if (this.#open) throw new Error('a transaction is under way already');
    const open = (this.#open = { queue: [{ sql: begin, values: [] }], session: undefined, hasFailed: false });
    try {
      const result = work();
      open.queue.push({ sql: 'COMMIT', values: [] });
      this.#send(open, false, true);
      this.#open = undefined;
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  #rollBack(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open?.session === undefined || open.hasFailed) return;
    const statements = [{ sql: 'ROLLBACK', values: [] }];
    try {
      this.#link.ask({ statements, session: open.session, wantsRows: false, commits: false });
    } catch {
      // The connection is gone, and with it the transaction.
    }
  }

  #read(sent: Sent): unknown[] {
    if (!this.#open) return this.#alone(sent, true).rows;
    this.#open.queue.push(sent);
    return this.#send(this.#open, true, false);
  }

  #write(sent: Sent): { readonly changes: number } {
    const open = this.#open;
    if (!open) return { changes: this.#alone(sent, false).counts[0] ?? 0 };
    const queued: Queued = { ...sent, values: sent.values.map(copied) };
    open.queue.push(queued);
    if (open.queue.length >= mostQueued) this.#send(open, false, false);
    const send = () => this.#send(open, false, false);
    return {
      get changes() {
        if (queued.changes === undefined) send();
        return queued.changes ?? 0;
      },
    };
  }

  #alone(sent: Sent, wantsRows: boolean) {
    if (this.#isClosed) throw new PermanentError('the store is closed');
    return this.#link.ask({ statements: [plain(sent)], wantsRows, commits: !wantsRows });
  }

  #send(open: Open, wantsRows: boolean, commits: boolean): unknown[] {
    if (open.hasFailed) throw new Error('the transaction has failed already');
    const sent = open.queue.splice(0);
    if (sent.length === 0) return [];
    try {
      const statements = sent.map(plain);
      const answer = this.#link.ask({ statements, session: open.session, wantsRows, commits });
      open.session = answer.session;
      for (const [i, each] of sent.entries()) each.changes = answer.counts[i] ?? 0;
      return answer.rows;
    } catch (error) {
      open.hasFailed = true;
      throw error;
    }
  }
}

function plain({ sql, values }: Sent): Sent {
  return { sql, values: values.map(copied) };
}

/** A view of a large buffer would take all of it along to the other thread. */
function copied(value: unknown): unknown {
  return ArrayBuffer.isView(value) && value.byteLength !== value.buffer.byteLength
    ? new Uint8Array(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
    : value;
}
