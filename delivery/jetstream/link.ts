// One connection to a NATS server for all that a worker sends and takes. publisher.ts and receiver.ts ask for it; worker.ts makes it.
import { readFile } from 'node:fs/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import {
  connect,
  credsAuthenticator,
  nkeyAuthenticator,
  PermissionViolationError,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { TransientError } from '../../config/errors.ts';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { Authenticator, NatsConnection } from '@nats-io/transport-node';

export interface LinkOptions {
  /** nats:// or tls:// */
  url: string;
  /** Domain of JetStream that the server must have; absent: any. */
  domain?: string | undefined;
  /** A .creds file, the seed of an nkey, `user:password`, or a token: read for each connection, because files are renewed. */
  credentialsFile?: string | undefined;
  /** Certificates that count instead of the public authorities. */
  caFile?: string | undefined;
  /** Shown by the server. */
  name: string;
  timeoutMs: number;
}

export interface Connected {
  connection: NatsConnection;
  client: JetStreamClient;
  admin: JetStreamManager;
  /** What the server forbade last: requests it does not answer say nothing. */
  forbidden(this: void): string | undefined;
}

const pingEveryMs = 5000;
const pingsMissed = 2;

/**
 * A broken connection is not mended but replaced: what the client still held for the old one must not arrive after what is
 * repeated on the new one.
 */
export class Link {
  readonly #options: LinkOptions;
  #connected: Promise<Connected> | undefined;
  #isClosed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** @throws TransientError with the reason */
  connected(): Promise<Connected> {
    if (this.#isClosed) return Promise.reject(new TransientError('the connection to NATS is closed'));
    if (!this.#connected) {
      const dialled = this.#dial();
      this.#connected = dialled;
      const forget = () => {
        if (this.#connected === dialled) this.#connected = undefined;
      };
      dialled.then(({ connection }) => connection.closed().then(forget, forget), forget);
    }
    return this.#connected;
  }

  /** Nothing that this connection still holds is sent any more. */
  async drop({ connection }: Connected): Promise<void> {
    await connection.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connected = await this.#connected?.catch(() => undefined);
    if (connected) await this.drop(connected);
  }

  async #dial(): Promise<Connected> {
    const { url, domain, name, timeoutMs, credentialsFile, caFile } = this.#options;
    let connection: NatsConnection | undefined;
    try {
      const [authenticator, ca] = await Promise.all([
        credentialsFile === undefined ? undefined : authenticatorOf(credentialsFile),
        caFile === undefined ? undefined : readFile(caFile, 'utf8'),
      ]);
      const isTls = url.startsWith('tls:');
      connection = await connect({
        servers: url.replace(/^(nats|tls):\/\//, ''),
        name,
        reconnect: false,
        timeout: timeoutMs,
        pingInterval: pingEveryMs,
        maxPingOut: pingsMissed,
        ignoreClusterUpdates: true,
        ...(authenticator && { authenticator }),
        ...((isTls || ca !== undefined) && { tls: ca === undefined ? {} : { ca } }),
      });
      const { domain: actual } = connection.info as { domain?: string };
      if (domain !== undefined && actual !== domain)
        throw new Error(
          `its JetStream domain is ${actual ?? 'none'}, not ${domain}: it is not the leaf node of this node`,
        );
      return await opened(connection, timeoutMs);
    } catch (cause) {
      await connection?.close().catch(() => undefined);
      throw new TransientError(`NATS at ${url}: ${reasonOf(cause)}`, { cause });
    }
  }
}

async function opened(connection: NatsConnection, timeoutMs: number): Promise<Connected> {
  let forbidden: string | undefined;
  const listen = async () => {
    for await (const status of connection.status())
      if (status.type === 'error' && status.error instanceof PermissionViolationError)
        forbidden = `${status.error.operation} ${status.error.subject}`;
  };
  listen().catch(() => undefined);
  const options = { timeout: timeoutMs };
  return {
    connection,
    client: jetstream(connection, options),
    // Rights over the account are asked of nobody: what is missing shows with the first stream.
    admin: await jetstreamManager(connection, { ...options, checkAPI: false }),
    forbidden: () => forbidden,
  };
}

/** What the file holds tells what it is. */
async function authenticatorOf(path: string): Promise<Authenticator> {
  const bytes = await readFile(path);
  const text = bytes.toString('utf8').trim();
  if (text.includes('BEGIN NATS USER JWT')) return credsAuthenticator(bytes);
  if (/^SU[A-Z2-7]{56}$/.test(text)) return nkeyAuthenticator(Buffer.from(text));
  if (text === '' || /\s/.test(text))
    throw new Error(
      `${path} holds neither a .creds file, nor the seed of a user's nkey, nor user:password, nor a token`,
    );
  const [, user, password] = /^([^:]+):(.+)$/.exec(text) ?? [];
  if (user !== undefined) return usernamePasswordAuthenticator(user, password);
  return tokenAuthenticator(text);
}

/** Of the client's errors the innermost says most. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const inner = cause instanceof Error && cause.message !== message ? `: ${cause.message}` : '';
  return `${message}${inner}`.replace(/\s+/g, ' ').slice(0, 300);
}
