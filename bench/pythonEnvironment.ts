// Makes the Python environments that benchmarks compare with or score in: on first use, in the cache folder, from pinned requirements.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface PythonEnvironment {
  /** Where it lives, made anew when the requirements change. */
  folder: string;
  /** File of pinned packages. */
  requirements: string;
  /** What it is for, as the reader is told once. */
  purpose: string;
  /** The file names every package, so pip need not (and, where authors disagree about versions, cannot) add others. */
  complete?: boolean;
}

/** Libraries that would use every core use one, as what they are compared with does. */
export const oneThread = {
  OMP_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  NUMEXPR_NUM_THREADS: '1',
};

/** Path of its interpreter. Needs python3 with venv, and the package registry the first time. */
export function ensurePython({ folder, requirements, purpose, complete }: PythonEnvironment): string {
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const stamp = join(folder, 'requirements.sha256');
  const python = join(folder, 'bin', 'python');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return python;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  console.error(`making a Python environment for ${purpose}, once`);
  execFileSync('python3', ['-m', 'venv', folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 120_000,
  });
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  execFileSync(python, complete === true ? [...install, '--no-deps'] : install, {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 900_000,
  });
  writeFileSync(stamp, digest);
  return python;
}
