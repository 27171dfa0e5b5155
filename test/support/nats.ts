// Real NATS servers for tests: built once from the pinned module, each with a folder, a port and a configuration of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { findPrograms, whyUnavailable } from './cluster/programs.ts';

const buildMs = 10 * 60_000;
const startMs = 20_000;

export interface NatsOptions {
  /** More of its configuration; `port` and `jetstream` are given. */
  config?: string;
  domain?: string;
  /** Of an earlier one, to go on with what it stored. */
  port?: number;
  folder?: string;
  host?: string;
  /** Runs the program elsewhere, such as in a network namespace; by default as it is. */
  command?: (program: string, flags: string[]) => [string, string[]];
  /** All of its configuration, instead of what is made of the other options. */
  text?: string;
  /** Port for leaf nodes; absent: none dial in. */
  leafPort?: number;
}

export interface NatsServer {
  url: string;
  port: number;
  pid: number;
  folder: string;
  /** The end of what it logged. */
  log(): string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

let program: string | undefined;
const running = new Set<NatsServer>();

/** `define` holds tests that start servers with `startNats`: skipped loudly where there is no program, failed in CI. */
export function onNats(name: string, define: () => void): void {
  const reason = whyUnavailable(['nats-server']);
  if (reason !== undefined && process.env['CI'] !== 'true') {
    process.stderr.write(`SKIPPED ${name}: ${reason}\n`);
    test.skip(`${name} (${reason})`, () => {});
    return;
  }
  describe(name, () => {
    beforeAll(async () => {
      program = (await findPrograms(['nats-server']))['nats-server'];
    }, buildMs);
    afterAll(async () => {
      for (const server of running) await server.stop('SIGKILL');
    });
    define();
  });
}

/** Resolves once it answers. @throws Error with what it logged */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'nats-'));
  const host = options.host ?? '127.0.0.1';
  const ports = join(folder, 'ports');
  rmSync(ports, { recursive: true, force: true });
  mkdirSync(ports, { recursive: true });
  const file = join(folder, 'nats.conf');
  writeFileSync(file, options.text ?? configOf(folder, host, options));
  const flags = ['-c', file, '--ports_file_dir', ports, '-l', join(folder, 'nats.log')];
  const [path, args] = options.command?.(program!, flags) ?? [program!, flags];
  const child = spawn(path, args, { stdio: 'ignore' });
  const log = () => tail(join(folder, 'nats.log'));
  const port = await listening(child, ports, host, options.port, log);
  const server: NatsServer = {
    url: `nats://${host}:${port}`,
    port,
    pid: child.pid!,
    folder,
    log,
    async stop(signal = 'SIGTERM') {
      running.delete(server);
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill(signal);
        await ended;
      }
    },
  };
  running.add(server);
  return server;
}

function configOf(
  folder: string,
  host: string,
  { domain, port = -1, leafPort, config = '' }: NatsOptions,
): string {
  return [
    `listen: "${host}:${port}"`,
    'server_name: "' + (domain ?? 'hub') + '"',
    `jetstream { store_dir: "${join(folder, 'store')}"${domain === undefined ? '' : `, domain: "${domain}"`} }`,
    ...(leafPort === undefined ? [] : [`leafnodes { listen: "${host}:${leafPort}" }`]),
    config,
  ].join('\n');
}

/** A port that was asked for is known; else the server writes down which it took. */
async function listening(
  child: ChildProcess,
  ports: string,
  host: string,
  asked: number | undefined,
  log: () => string,
): Promise<number> {
  const until = Date.now() + startMs;
  while (Date.now() < until && child.exitCode === null) {
    const port = asked ?? portIn(ports);
    if (port !== undefined && readdirSync(ports).length > 0) return port;
    await pause(20);
  }
  child.kill('SIGKILL');
  throw new Error(`nats-server does not start at ${host}: ${log()}`);
}

function portIn(folder: string): number | undefined {
  const [name] = readdirSync(folder);
  const text = name === undefined ? '' : readFileSync(join(folder, name), 'utf8');
  const [url] = text === '' ? [] : (JSON.parse(text) as { nats: string[] }).nats;
  return url === undefined ? undefined : Number(new URL(url).port);
}

function tail(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-2000);
  } catch {
    return '';
  }
}

/** A port that nobody listens on now, for what a server does not write down. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
