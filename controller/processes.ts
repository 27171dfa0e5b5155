// The process backend: runs the workers of a task as child processes on loopback. Used by `mei run`; the cluster
// backend turns the same DesiredTask into Deployments.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastComplaint } from './complaint.ts';
import type { DesiredTask, DesiredWorker } from './desired.ts';
import { sinksOf } from './receivers.ts';

export interface ProcessOptions {
  /** Folder for the workers' configuration and logs. */
  folder: string;
  /** Arguments of node itself, e.g. a loader; by default those of this process. */
  execArgv?: string[];
  /** How long a worker may take to load its model and listen. */
  startTimeoutMs?: number;
  /** How long a worker may take to finish what it has when told to stop. */
  stopTimeoutMs?: number;
  /** Workers that run elsewhere: name -> URL. They are not started. */
  elsewhere?: ReadonlyMap<string, string>;
  /** Told when a worker ended by itself and is started again, or is given up. */
  onTrouble?: (worker: string, message: string, fatal: boolean) => void;
}

export interface RunningTask {
  /** Names and addresses of the workers. */
  readonly urls: ReadonlyMap<string, string>;
  readonly pids: () => number[];
  /** Stops the workers in the order of the stages, so that each still delivers what it holds within `timeoutMs`. */
  stop(timeoutMs?: number): Promise<void>;
}

const maxRestarts = 5;
const restartDelayMs = 500;

interface Running {
  worker: DesiredWorker;
  child: ChildProcess;
  port: number;
  restarts: number;
}

/**
 * Starts all workers, the last stage first, so that each knows where to send.
 * @throws Error naming the worker and its last complaint when one does not come up; the others are stopped.
 */
export async function startWorkers(task: DesiredTask, options: ProcessOptions): Promise<RunningTask> {
  mkdirSync(join(options.folder, 'workers'), { recursive: true });
  const tokenPath = tokenPathOf(options.folder);
  rmSync(tokenPath, { force: true });
  writeFileSync(tokenPath, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  const running = new Map<string, Running>();
  const urls = new Map(options.elsewhere);
  let stopping = false;

  async function start(worker: DesiredWorker, port: number, restarts: number): Promise<void> {
    const child = spawnWorker(worker, task.workers, urls, port, options);
    const entry: Running = { worker, child, port, restarts };
    running.set(worker.name, entry);
    entry.port = await listening(child, worker.name, options);
    urls.set(worker.name, `http://127.0.0.1:${entry.port}/`);
    child.once('exit', (code, signal) => onExit(entry, code, signal));
  }

  function onExit(entry: Running, code: number | null, signal: string | null): void {
    if (stopping) return;
    const { worker, restarts, port } = entry;
    const reason =
      lastComplaint(logOf(options.folder, worker.name)) ?? `ended with ${signal ?? `code ${code}`}`;
    if (restarts >= maxRestarts) {
      options.onTrouble?.(worker.name, `${reason}; given up after ${maxRestarts} restarts`, true);
      return;
    }
    options.onTrouble?.(worker.name, `${reason}; starting it again`, false);
    setTimeout(
      () => {
        if (stopping) return;
        start(worker, port, restarts + 1).catch((error: Error) =>
          options.onTrouble?.(worker.name, error.message, true),
        );
      },
      restartDelayMs * 2 ** restarts,
    );
  }

  async function stop(timeoutMs = options.stopTimeoutMs ?? 20_000): Promise<void> {
    stopping = true;
    for (const worker of task.workers) {
      const entry = running.get(worker.name);
      if (entry) await stopChild(entry.child, timeoutMs);
    }
    rmSync(tokenPath, { force: true });
  }

  try {
    for (const worker of task.workers.toReversed()) {
      if (!options.elsewhere?.has(worker.name)) await start(worker, 0, 0);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { urls, stop, pids: () => [...running.values()].map(({ child }) => child.pid ?? 0) };
}

function spawnWorker(
  worker: DesiredWorker,
  workers: readonly DesiredWorker[],
  urls: ReadonlyMap<string, string>,
  port: number,
  options: ProcessOptions,
): ChildProcess {
  const receivers = sinksOf(worker, workers, ({ name }) => urls.get(name));
  const configPath = join(options.folder, 'workers', `${worker.name}.json`);
  writeFileSync(configPath, JSON.stringify({ ...worker.config, ...receivers }, null, 2));
  const child = fork(hostPath, {
    execArgv: options.execArgv ?? process.execArgv,
    env: {
      ...process.env,
      ...worker.env,
      MEI_WORKER_CONFIG: configPath,
      MEI_TASK_TOKEN_FILE: tokenPathOf(options.folder),
      PORT: String(port),
      MEI_PARENT_IPC: '1',
      // A run keeps its people in its folder, where its results are read.
      STORE_URL: '',
      STORE_URL_FILE: '',
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Ctrl-C goes to the whole terminal group: the runner alone decides the order in which workers stop.
    detached: true,
  });
  const logFile = createWriteStream(logPath(options.folder, worker.name), { flags: 'a' });
  // A full disk must not end the runner: it says so, and the worker's own readiness decides what follows.
  logFile.once('error', (error) =>
    options.onTrouble?.(worker.name, `its log cannot be written: ${error.message}`, false),
  );
  logFile.on('error', () => undefined);
  child.stdout?.pipe(logFile, { end: false });
  child.stderr?.pipe(logFile, { end: false });
  child.once('close', () => logFile.end());
  return child;
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const hostPath = fileURLToPath(new URL(`../functions/host/main.${extension}`, import.meta.url));

/** What the workers of this run know each other by. */
function tokenPathOf(folder: string): string {
  return join(folder, 'workers', 'token');
}

function logPath(folder: string, worker: string): string {
  return join(folder, 'workers', `${worker}.log`);
}

function logOf(folder: string, worker: string): string {
  return readFileSync(logPath(folder, worker), 'utf8');
}

async function listening(child: ChildProcess, name: string, options: ProcessOptions): Promise<number> {
  const timeoutMs = options.startTimeoutMs ?? 60_000;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => finish(new Error(`worker ${name} did not start within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    const onMessage = (message: unknown) => {
      const { type, port } = message as { type?: string; port?: number };
      if (type === 'listening' && port) finish(port);
    };
    // 'close' comes after the output is read, so the log holds the reason.
    const onClose = (code: number | null) =>
      finish(
        new Error(
          lastComplaint(logOf(options.folder, name)) ??
            `worker ${name} ended with code ${code} before it was ready`,
        ),
      );
    function finish(result: number | Error): void {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('close', onClose);
      if (typeof result === 'number') resolve(result);
      else reject(result);
    }
    child.on('message', onMessage);
    child.once('close', onClose);
  });
}

async function stopChild(child: ChildProcess, timeoutMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  await gone;
  clearTimeout(timer);
}
