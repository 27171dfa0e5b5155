// Runs score.py for the accuracy benchmark, in a Python environment of its own that is made on first use.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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
  const python = ensurePython(join(cacheFolder, 'bench-venv'));
  const run = spawnSync(python, [join(scriptFolder, 'score.py')], {
    input: JSON.stringify(jobs),
    encoding: 'utf8',
    timeout: 600_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
  });
  if (run.status !== 0)
    throw new Error(`score.py failed (${run.error?.message ?? run.signal ?? run.status}): ${run.stderr}`);
  return JSON.parse(run.stdout) as Record<string, Score>;
}

function ensurePython(folder: string): string {
  const requirements = join(scriptFolder, 'requirements.txt');
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const stamp = join(folder, 'requirements.sha256');
  const python = join(folder, 'bin', 'python');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return python;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  console.error('accuracy: making a Python environment for the scores, once');
  execFileSync('python3', ['-m', 'venv', folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 120_000,
  });
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  execFileSync(python, install, { stdio: ['ignore', 'ignore', 'inherit'], timeout: 600_000 });
  writeFileSync(stamp, digest);
  return python;
}
