// Starts the processes of a test cluster and makes sure that none outlives it, not even when the test process is killed.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Reads process ids from the test process; when that ends in whatever way, ends the processes and removes cgroups and folder. */
const watchdogScript = `
trap '' INT TERM HUP
list=' '
while read -r action pid; do
  case $action in
    add) list="$list$pid " ;;
    drop) list="\${list%% $pid *} \${list#* $pid }" ;;
  esac
done
for pid in $list; do kill -KILL "$pid" 2>/dev/null; done
folder=$1
shift
tries=0
while [ $# -gt 0 ] && [ $tries -lt 100 ]; do
  find "$@" -depth -type d -exec rmdir {} ';' 2>/dev/null
  ls -d "$@" 2>/dev/null | grep -q . || break
  tries=$((tries + 1))
  sleep 0.1
done
rm -rf "$folder"
`;

export interface Daemon {
  name: string;
  pid: number | undefined;
  /** Ends it; SIGKILL when it takes longer than 10 s. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Polls until `isReady` says true; throws with the end of the log when the process ends or the time is over. */
  waitUntil(what: string, deadlineMs: number, isReady: () => Promise<boolean>): Promise<void>;
}

/** The processes of one cluster, with their logs in `folder`, which goes with them. */
export class Daemons {
  readonly #folder: string;
  readonly #watchdog: ChildProcess;
  readonly #running = new Set<Daemon>();

  /** `cgroups`: folders that the processes' containers are in, removed with all below them. */
  constructor(folder: string, cgroups: string[] = []) {
    this.#folder = folder;
    this.#watchdog = spawn('sh', ['-c', watchdogScript, 'sh', folder, ...cgroups], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#watchdog.unref();
    (this.#watchdog.stdin as unknown as { unref(): void }).unref();
  }

  start(name: string, program: string, flags: string[]): Daemon {
    const logFile = join(this.#folder, `${name}.log`);
    const log = openSync(logFile, 'a');
    const child = spawn(program, flags, {
      cwd: this.#folder,
      env: { HOME: this.#folder, PATH: process.env['PATH'] ?? '' },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#tell(`add ${child.pid}`);
    const ended = new Promise<void>((resolve) => {
      child.on('error', () => resolve());
      child.on('exit', () => resolve());
    });
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
    const daemon: Daemon = {
      name,
      pid: child.pid,
      stop: async (signal = 'SIGTERM') => {
        if (!hasEnded()) {
          child.kill(signal);
          const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
          await ended;
          clearTimeout(kill);
        }
        this.#tell(`drop ${child.pid}`);
        this.#running.delete(daemon);
      },
      waitUntil: async (what, deadlineMs, isReady) => {
        const until = Date.now() + deadlineMs;
        while (!(await isReady().catch(() => false))) {
          if (!hasEnded() && Date.now() < until) await pause(50);
          else throw new Error(`${what}: ${hasEnded() ? `${name} ended` : 'too late'}\n${endOf(logFile)}`);
        }
      },
    };
    this.#running.add(daemon);
    return daemon;
  }

  /** Ends what runs, latest first, and removes the folder. */
  async stop(): Promise<void> {
    for (const daemon of [...this.#running].reverse()) await daemon.stop('SIGKILL');
    const ended = new Promise<void>((resolve) => this.#watchdog.on('exit', () => resolve()));
    this.#watchdog.ref();
    this.#watchdog.stdin!.end();
    await ended;
  }

  #tell(line: string): void {
    this.#watchdog.stdin!.write(`${line}\n`);
  }
}

function endOf(logFile: string): string {
  return existsSync(logFile) ? readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n') : '';
}

/** A TCP port of the loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
