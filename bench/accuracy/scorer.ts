// Runs score.py for the accuracy benchmark, in a Python environment of its own that is made on first use.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensurePython, oneThread } from '../pythonEnvironment.ts';

export interface ScoreJob {
  /** `group:rest`; jobs of one group are also scored together under the group's name. */
  name: string;
  /** MOTChallenge files. */
  truth: string;
  result: string;
}

export interface Score {
  hota: number;
  assA: number;
  mota: number;
  idf1: number;
  switches: number;
  fragments: number;
  precision: number;
  recall: number;
}

const scriptFolder = import.meta.dirname;

/** Scores by job name and by group name. */
export function score(jobs: readonly ScoreJob[], cacheFolder: string): Record<string, Score> {
  const python = ensurePython({
    folder: join(cacheFolder, 'bench-venv'),
    requirements: join(scriptFolder, 'requirements.txt'),
    purpose: 'the scores',
  });
  const run = spawnSync(python, [join(scriptFolder, 'score.py')], {
    input: JSON.stringify(jobs),
    encoding: 'utf8',
    timeout: 600_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...oneThread },
  });
  if (run.status !== 0)
    throw new Error(`score.py failed (${run.error?.message ?? run.signal ?? run.status}): ${run.stderr}`);
  return JSON.parse(run.stdout) as Record<string, Score>;
}
