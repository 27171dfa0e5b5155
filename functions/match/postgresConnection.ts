// The one connection of a thread to a PostgreSQL server: made when it is needed, made anew after it was lost, with pauses that grow.
// postgresThread.ts asks through it.
import pg from 'pg';
import { readAddress, type AddressSource } from './postgresUrl.ts';

export interface ConnectionOptions {
  source: AddressSource;
  /** Where tables are looked for. */
  schema: string;
  /** Shown by the server among its connections. */
  application: string;
  statementTimeoutMs: number;
  /** How long a write waits for one of another connection. */
  lockTimeoutMs: number;
}

/** What became of a question, as one line for people. */
export class StoreTrouble extends Error {
  override name = 'StoreTrouble';
  /** SQLSTATE, or empty. */
  readonly code: string;
  /** Whether the connection is gone, and whatever was under way on it. */
  readonly isLost: boolean;

  constructor(message: string, { code = '', isLost = false }: { code?: string; isLost?: boolean } = {}) {
    super(message);
    this.code = code;
    this.isLost = isLost;
  }
}

export interface Session {
  client: pg.Client;
  /** Counts the connections. */
  number: number;
}

const firstPauseMs = 250;
const longestPauseMs = 8000;
/** A process that stands still within a transaction keeps its rows locked no longer than this. */
const idleInTransactionMs = 10_000;
const oldestServer = 130_000;

const numbers = new Set<number>([pg.types.builtins.INT8, pg.types.builtins.NUMERIC]);
const types: pg.CustomTypesConfig = {
  getTypeParser(id, format) {
    if (numbers.has(id)) return Number;
    return pg.types.getTypeParser(id, format) as (text: string) => unknown;
  },
};

export class Connection {
  readonly #options: ConnectionOptions;
  #session: Session | undefined;
  #made = 0;
  #connecting: Promise<Session> | undefined;
  #failure: StoreTrouble | undefined;
  #failures = 0;
  #pausedUntilMs = 0;
  #name = 'PostgreSQL';

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** @throws StoreTrouble when there is none after `waitMs`; at once during the pause after a failure */
  async session(waitMs: number): Promise<Session> {
    if (this.#session) return this.#session;
    if (!this.#connecting && performance.now() < this.#pausedUntilMs) throw this.#failure!;
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    // It goes on when nobody waits for it any more.
    this.#connecting.catch(() => undefined);
    const late = new StoreTrouble(`${this.#name} does not answer: see whether it runs and can be reached`, {
      isLost: true,
    });
    return before(waitMs, this.#connecting, this.#failure ?? late);
  }

  /** One more, for what takes long; whoever gets it ends it. */
  async another(): Promise<pg.Client> {
    return this.#begin(0);
  }

  /** As one line. Ends the connection when it is of no use any more. */
  troubleOf(error: unknown, { number }: Pick<Session, 'number'>): StoreTrouble {
    if (error instanceof StoreTrouble) return error;
    const { code = '', message } = error as { code?: string; message: string };
    const isLost = this.#session?.number !== number || !/^[0-9A-Z]{5}$/.test(code) || isOver(code);
    if (isLost && this.#session?.number === number) this.drop();
    return new StoreTrouble(`${this.#name}: ${adviceFor(code, message)}`, { code, isLost });
  }

  drop(): void {
    const { client } = this.#session ?? {};
    this.#session = undefined;
    // Whoever does not answer does not answer a goodbye either.
    (client as unknown as { connection?: { stream?: { destroy(): void } } })?.connection?.stream?.destroy();
  }

  async end(): Promise<void> {
    const { client } = this.#session ?? {};
    this.#session = undefined;
    await client?.end();
  }

  async #connect(): Promise<Session> {
    try {
      const client = await this.#begin(this.#options.statementTimeoutMs);
      const session = { client, number: ++this.#made };
      const gone = () => {
        if (this.#session === session) this.#session = undefined;
      };
      client.on('error', gone);
      client.on('end', gone);
      this.#session = session;
      this.#failure = undefined;
      this.#failures = 0;
      return session;
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string };
      this.#failure =
        error instanceof StoreTrouble
          ? error
          : new StoreTrouble(`${this.#name}: ${adviceFor(code, message)}`, { code, isLost: true });
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#failures++);
      this.#pausedUntilMs = performance.now() + pauseMs * (0.5 + Math.random() / 2);
      throw this.#failure;
    }
  }

  async #begin(statementTimeoutMs: number): Promise<pg.Client> {
    const { source, schema, application, lockTimeoutMs } = this.#options;
    const { config, name } = addressOf(source);
    this.#name = name;
    const client = new pg.Client({ ...config, types, keepAlive: true, application_name: application });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await this.#check(client);
      await client.query(
        `SET search_path TO ${pg.escapeIdentifier(schema)}; SET client_min_messages TO warning;
         SET statement_timeout TO ${statementTimeoutMs}; SET lock_timeout TO ${lockTimeoutMs};
         SET idle_in_transaction_session_timeout TO ${idleInTransactionMs};
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`,
      );
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  async #check(client: pg.Client): Promise<void> {
    const { rows } = await client.query<{ version: number; encoding: string; standby: boolean }>(
      `SELECT current_setting('server_version_num')::int AS version, pg_encoding_to_char(encoding) AS encoding,
       pg_is_in_recovery() AS standby FROM pg_database WHERE datname = current_database()`,
    );
    const { version, encoding, standby } = rows[0]!;
    if (version < oldestServer)
      throw new StoreTrouble(
        `${this.#name}: the server is PostgreSQL ${Math.floor(version / 10_000)}, 13 is the oldest that works`,
      );
    if (encoding !== 'UTF8')
      throw new StoreTrouble(`${this.#name}: the database is in ${encoding}: make one with ENCODING 'UTF8'`);
    if (standby)
      throw new StoreTrouble(
        `${this.#name}: the server is a standby, which takes no writes: name the primary`,
      );
  }
}

function addressOf(source: AddressSource) {
  try {
    return readAddress(source);
  } catch (error) {
    throw new StoreTrouble((error as Error).message);
  }
}

/** The server ends the connection with these. */
function isOver(code: string): boolean {
  return code.startsWith('08') || code.startsWith('57P') || code === '25P03';
}

const advice: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there: start the server, or correct the address',
  ENOTFOUND: 'there is no such host: correct the address',
  ENOENT: 'there is no such socket: start the server, or correct the address',
  '28P01': 'the server refuses the password: correct it in the address',
  '28000': 'the server refuses the user: see pg_hba.conf, and sslmode in the address',
  '3D000': 'there is no such database: create it',
  '42501':
    'the user may not do that: GRANT CREATE ON DATABASE to it, or make the schema and give it to the user',
  '53300': 'the server has no connection left: raise max_connections, or run fewer workers',
  '53100': 'the disk of the server is full',
  '55P03': 'somebody else holds what is to be written',
  '57014': 'it took too long',
  '25006': 'the server takes no writes: name the primary',
};

function adviceFor(code: string, message: string): string {
  const said = message.replace(/\s+/g, ' ').slice(0, 300);
  if (/does not support SSL/i.test(message))
    return 'the server speaks no TLS: set sslmode=disable in the address, or switch it on there';
  if (/certificate|altnames|self.signed/i.test(message))
    return `its certificate is not trusted (${said}): name the authority with sslrootcert in the address`;
  return advice[code] === undefined ? said : `${advice[code]} (${said})`;
}

async function before<T>(waitMs: number, work: Promise<T>, otherwise: Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(otherwise), waitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
