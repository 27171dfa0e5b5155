// Starts a fuzzing target in a child process and watches it: used by the tests beside it.
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChildMessage } from './child.ts';

export interface FuzzOptions {
  seed: number;
  cases: number;
  /** A single case that takes longer hangs. */
  caseLimitMs?: number;
  environment?: Record<string, string>;
}

export interface FuzzResult {
  taken: number;
  refused: number;
  /** Resident memory at the end over that after a third of the cases. */
  grownMiB: number;
}

const child = fileURLToPath(new URL('./child.ts', import.meta.url));

/**
 * @throws Error naming target, seed and case when one crashed, hung or did what it must not; run it again with
 * FUZZ_SEED=<seed> and it fails at the same place
 */
export async function fuzz(target: string, options: FuzzOptions): Promise<FuzzResult> {
  const seed = Number(process.env.FUZZ_SEED ?? options.seed);
  const cases = Number(process.env.FUZZ_CASES ?? options.cases);
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-'));
  const running = fork(child, [target, String(seed), String(cases), folder], {
    execArgv: ['--import', 'tsx', '--expose-gc'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...options.environment },
  });
  let output = '';
  for (const stream of [running.stdout!, running.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (output = `${output}${text}`.slice(-3000)));
  try {
    return await new Promise<FuzzResult>((resolve, reject) => {
      let number = -1;
      const place = () => `${target}, seed ${seed}, case ${number}`;
      const limitMs = options.caseLimitMs ?? 20_000;
      // Loading the code under test may take a while on a busy machine.
      let timer = setTimeout(() => reject(new Error(`${place()}: not started`)), 120_000);
      running.on('message', (message: ChildMessage) => {
        clearTimeout(timer);
        if (message.kind === 'done') return resolve({ ...message, grownMiB: message.grownBytes / 2 ** 20 });
        number = message.number;
        if (message.kind === 'finding') return reject(new Error(`${place()}: ${message.error}`));
        timer = setTimeout(() => reject(new Error(`${place()}: hangs for ${limitMs} ms`)), limitMs);
      });
      running.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`${place()}: the process ended with ${signal ?? code}: ${output}`));
      });
    });
  } finally {
    if (running.exitCode === null && running.signalCode === null) {
      const gone = new Promise((resolve) => running.once('exit', resolve));
      running.kill('SIGKILL');
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  }
}
