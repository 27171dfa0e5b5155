// The workers of a task as real processes that are killed and started again at the same address, as a kubelet does.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DesiredTask, DesiredWorker } from '../../controller/desired.ts';
import { sinksOf } from '../../controller/receivers.ts';
import type { EdgeNode } from './edgeNode.ts';

export interface FleetOptions {
  /** Entry of a worker, see program.ts. */
  host: string;
  /** Of the run: configuration and logs. */
  folder: string;
  env?: Record<string, string>;
  /** Of single workers, on top; undefined takes a variable away. */
  envOf?: (worker: string) => Record<string, string | undefined>;
  /** The machine that a worker is on: its address, and how a program is run there; absent: this one. */
  machineOf?: (worker: DesiredWorker) => Machine;
  /** Its local controller configures the edge workers; without one all is in the mounted files. */
  node?: EdgeNode;
  /** What a worker's address becomes in the configuration of those that send to it, e.g. that of a proxy. */
  through?: (worker: string, url: string) => string;
  /** Changes to the configuration of a worker. */
  config?: (worker: DesiredWorker) => object;
}

export interface Machine {
  address: string;
  run: (program: string, flags: string[]) => [string, string[]];
}

interface Member {
  worker: DesiredWorker;
  port: number;
  child: ChildProcess;
  /** Settles when the present process listens. */
  listening: Promise<void>;
}

const startDeadlineMs = 60_000;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #workers: readonly DesiredWorker[];
  readonly #members = new Map<string, Member>();
  readonly #fallen = new Set<string>();
  #ending = false;
  kills = 0;

  /** Starts the last stage first, so that each knows where to send. */
  static async start(task: DesiredTask, options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(task.workers, options);
    mkdirSync(join(options.folder, 'workers'), { recursive: true });
    writeFileSync(fleet.#tokenPath, `${randomBytes(32).toString('base64url')}\n`);
    try {
      for (const worker of task.workers.toReversed()) await fleet.#begin(worker);
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  private constructor(workers: readonly DesiredWorker[], options: FleetOptions) {
    this.#workers = workers;
    this.#options = options;
  }

  get workers(): string[] {
    return [...this.#members.keys()];
  }

  url(worker: string): string {
    const { worker: desired, port } = this.#members.get(worker)!;
    return `http://${this.#options.machineOf?.(desired).address ?? '127.0.0.1'}:${port}/`;
  }

  log(worker: string): string {
    return readFileSync(this.#logPath(worker), 'utf8');
  }

  /** kill -9; the process is started again at once. */
  kill(worker: string): void {
    this.kills++;
    this.#members.get(worker)!.child.kill('SIGKILL');
  }

  /** kill -9; nobody starts it again. */
  fell(worker: string): void {
    this.#fallen.add(worker);
    this.kill(worker);
  }

  /** Asks it to end, as a kubelet does with a pod that goes; resolves when it has. */
  async end(worker: string): Promise<void> {
    this.#fallen.add(worker);
    await gone(this.#members.get(worker)!.child, 'SIGTERM');
  }

  /** Stops a process where it stands, or lets it go on. */
  signal(worker: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#members.get(worker)!.child.kill(signal);
  }

  /** Resolves when the present process of a worker listens. */
  listening(worker: string): Promise<void> {
    return this.#members.get(worker)!.listening;
  }

  /** kill -9; `meanwhile` happens before the process is started again. Resolves when it listens. */
  async restart(worker: string, meanwhile: () => void): Promise<void> {
    const member = this.#members.get(worker)!;
    this.#members.delete(worker);
    await gone(member.child, 'SIGKILL');
    meanwhile();
    await this.#begin(member.worker, member.port);
    await this.listening(worker);
  }

  /** In the order of the stages, as a rollout does; nothing is left behind. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    this.#ending = true;
    for (const { child } of [...this.#members.values()].reverse()) await gone(child, signal);
  }

  async #begin(worker: DesiredWorker, port = 0): Promise<void> {
    const { host, folder, env, envOf, node, through = (_name, url) => url, config } = this.#options;
    const receivers = sinksOf(worker, this.#workers, ({ name }) => through(name, this.url(name)));
    const configPath = join(folder, 'workers', `${worker.name}.json`);
    const full = { ...worker.config, ...config?.(worker), ...receivers };
    writeFileSync(configPath, JSON.stringify(node?.configure(worker, full, this.token) ?? full));
    const machine = this.#options.machineOf?.(worker);
    const [execPath, execArgv] = machine?.run(process.execPath, []) ?? [process.execPath, []];
    const child = fork(host, {
      execPath,
      execArgv,
      env: {
        ...process.env,
        MEI_REPORT_INTERVAL_MS: '150',
        MEI_DELIVERY_TIMEOUT_MS: '5000',
        MEI_DELIVERY_RETRY_MS: '100',
        ...env,
        MEI_WORKER_CONFIG: configPath,
        MEI_TASK_TOKEN_FILE: this.#tokenPath,
        PORT: String(port),
        MEI_PARENT_IPC: '1',
        ...(machine && { MEI_HOST: '0.0.0.0' }),
        ...(worker.placement === 'edge' && node?.env),
        ...envOf?.(worker.name),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const log = createWriteStream(this.#logPath(worker.name), { flags: 'a' });
    log.on('error', () => undefined);
    child.stdout!.pipe(log, { end: false });
    child.stderr!.pipe(log, { end: false });
    child.once('close', () => log.end());
    const member: Member = { worker, port, child, listening: Promise.resolve() };
    member.listening = this.#untilListening(member);
    member.listening.catch(() => undefined);
    this.#members.set(worker.name, member);
    child.once('exit', () => {
      if (this.#ending || this.#members.get(worker.name) !== member || this.#fallen.has(worker.name)) return;
      void this.#begin(worker, member.port);
    });
    if (port === 0) await member.listening;
  }

  #untilListening(member: Member): Promise<void> {
    const { child, worker } = member;
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => reject(new Error(`${worker.name} ${reason}`));
      const timer = setTimeout(() => fail('does not listen'), startDeadlineMs);
      child.on('message', (message) => {
        const { type, port } = message as { type?: string; port?: number };
        if (type !== 'listening') return;
        member.port = port!;
        clearTimeout(timer);
        resolve();
      });
      child.once('exit', () => {
        clearTimeout(timer);
        fail('ended before it listened');
      });
    });
  }

  /** What its workers know each other by. */
  get token(): string {
    return readFileSync(this.#tokenPath, 'utf8').trim();
  }

  get #tokenPath(): string {
    return join(this.#options.folder, 'workers', 'token');
  }

  #logPath(worker: string): string {
    return join(this.#options.folder, 'workers', `${worker}.log`);
  }
}

async function gone(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await exited;
  clearTimeout(timer);
}
