// Starts owners of tasks for the parts of this benchmark, and counts what they cost.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerConfig } from '../../config/worker.ts';
import { matchConfig } from '../matchConfig.ts';
import { mostResidentMiB, processorSeconds } from '../processFigures.ts';
import type { Word } from './owner.ts';

const startDeadlineMs = 60_000;
const answerDeadlineMs = 120_000;

export interface Owner {
  url: string;
  /** Revisions that it took, and those that it had already. */
  taken(): Promise<{ tracklets: number; repeated: number; waiting: number }>;
  /** Since its start. */
  processorSeconds(): number;
  residentMiB(): number;
}

/** One owner for each list of cameras, with a store of its own under `folder`. Ends them all, whatever `work` does. */
export async function withOwners<T>(
  cameraLists: readonly string[][],
  work: (owners: Owner[], folder: string) => Promise<T>,
  options: { folder?: string; more?: Partial<WorkerConfig> } = {},
): Promise<T> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'mei-scale-'));
  const children: ChildProcess[] = [];
  try {
    const owners: Owner[] = [];
    for (const [i, cameras] of cameraLists.entries()) {
      const storeFolder = join(folder, `store-${i}`);
      const config = matchConfig(`site-${i}`, cameras, [], { storeFolder, ...options.more });
      const child = fork(fileURLToPath(new URL('./owner.ts', import.meta.url)), [JSON.stringify(config)], {
        execArgv: process.execArgv,
      });
      children.push(child);
      owners.push(ownerOf(child, await portOf(child)));
    }
    return await work(owners, folder);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

async function portOf(child: ChildProcess): Promise<number> {
  const word = await heard(child, startDeadlineMs);
  if (!('port' in word)) throw new Error('a match worker said something else than where it listens');
  return word.port;
}

function ownerOf(child: ChildProcess, port: number): Owner {
  return {
    url: `http://127.0.0.1:${port}/`,
    async taken() {
      const answer = heard(child, answerDeadlineMs);
      child.send('figures');
      const word = await answer;
      if (!('figures' in word)) throw new Error('a match worker gave no figures');
      const { tracklets = 0, repeated = 0 } = word.figures;
      return { tracklets, repeated, waiting: word.waiting };
    },
    processorSeconds: () => processorSeconds(child.pid!),
    residentMiB: () => mostResidentMiB(child.pid!),
  };
}

async function heard(child: ChildProcess, deadlineMs: number): Promise<Word> {
  const over = new AbortController();
  const { signal } = over;
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a match worker ended (${String(code)})`);
  });
  ended.catch(() => undefined);
  try {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
    const [word] = (await Promise.race([once(child, 'message', { signal: deadline }), ended])) as [Word];
    return word;
  } finally {
    over.abort();
  }
}
