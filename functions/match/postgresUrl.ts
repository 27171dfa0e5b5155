// Reads the address of a PostgreSQL server: postgresConnection.ts connects with what comes out. No message holds the password.
import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import { PermanentError } from '../function.ts';

/** Where the address comes from: itself, or a file that a Secret fills and renews. */
export type AddressSource = { url: string } | { file: string };

export interface Address {
  config: ClientConfig;
  /** For people: user, host, port and database. */
  name: string;
}

const parameters = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'host', 'connect_timeout'];
const modes = ['disable', 'require', 'verify-ca', 'verify-full'];
const longestFile = 16 << 10;

/** @throws PermanentError that says what is wrong with it, and where it comes from */
export function readAddress(source: AddressSource): Address {
  const where = 'file' in source ? source.file : 'STORE_URL';
  const wrong = (what: string) => new PermanentError(`${where}: ${what}`);
  const text = 'file' in source ? textOf(source.file) : source.url.trim();
  if (!URL.canParse(text) || !/^postgres(ql)?:$/.test(new URL(text).protocol))
    throw wrong('must be one line such as postgres://user:password@host:5432/database?sslmode=verify-full');
  const url = new URL(text);
  const asked = Object.fromEntries(url.searchParams) as Partial<Record<string, string>>;
  const unknown = Object.keys(asked).find((name) => !parameters.includes(name));
  if (unknown !== undefined)
    throw wrong(`parameter ${unknown.slice(0, 50)} is not known; known are ${parameters.join(', ')}`);
  const { hostname, port, pathname, username, password } = url;
  const host = asked['host'] ?? decoded(hostname);
  const database = decoded(pathname.slice(1));
  const user = decoded(username);
  if (host === '') throw wrong('names no host');
  if (database === '') throw wrong('names no database: end it with /database');
  if (user === '') throw wrong('names no user: begin it with postgres://user@');
  const seconds = Number(asked['connect_timeout'] ?? 5);
  if (!(seconds >= 1 && seconds <= 60)) throw wrong('connect_timeout must be 1 to 60 seconds');
  const isNear = host.startsWith('/') || /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(host);
  const mode = asked['sslmode'] ?? (isNear ? 'disable' : 'verify-full');
  if (!modes.includes(mode)) throw wrong(`sslmode must be one of ${modes.join(', ')}`);
  const at = host.startsWith('/') ? host : `${host}:${port || 5432}`;
  return {
    name: `${user}@${at}/${database}`,
    config: {
      host: host.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port || 5432),
      database,
      user,
      ...(password !== '' && { password: decoded(password) }),
      connectionTimeoutMillis: seconds * 1000,
      ssl: mode !== 'disable' && tlsOf(mode, asked, wrong),
    },
  };
}

type Tls = Exclude<ClientConfig['ssl'], boolean | undefined>;

function tlsOf(mode: string, asked: Partial<Record<string, string>>, wrong: (what: string) => Error): Tls {
  const read = (name: 'sslrootcert' | 'sslcert' | 'sslkey') => {
    const path = asked[name];
    if (path === undefined) return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      throw wrong(`${name} cannot be read: ${(cause as Error).message}`);
    }
  };
  const [ca, cert, key] = [read('sslrootcert'), read('sslcert'), read('sslkey')];
  return {
    rejectUnauthorized: mode !== 'require',
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    // Signed by whom is trusted, whatever name it bears.
    ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
  };
}

function textOf(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.length > longestFile) throw new Error('it is too long');
    return text.trim();
  } catch (cause) {
    throw new PermanentError(
      `${file}: the address of the store cannot be read: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
