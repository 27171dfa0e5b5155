// Builds one Go program and shows how far it is; programs.ts calls it when no folder has the program.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const deadlineMs = 20 * 60_000;
const version = 'k8s.io/component-base/version';
/** kube-apiserver and kubectl compare versions, so a build without them would be refused by clients. */
const linkerFlags = [
  '-s -w',
  `-X ${version}.gitVersion=v1.35.4`,
  `-X ${version}.gitMajor=1`,
  `-X ${version}.gitMinor=35`,
  `-X ${version}.gitTreeState=clean`,
].join(' ');

/** Throws with the end of what the compiler said. */
export async function buildProgram(moduleFolder: string, goPackage: string, target: string): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  const unfinished = `${target}.${process.pid}`;
  const started = Date.now();
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  say(`building ${basename(target)} from ${goPackage} (once; kept in ${dirname(target)})`);
  const compiler = spawn(
    'go',
    ['build', '-v', '-mod=readonly', '-trimpath', '-ldflags', linkerFlags, '-o', unfinished, goPackage],
    { cwd: moduleFolder, env: { ...process.env, CGO_ENABLED: '0' }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  os.setPriority(compiler.pid!, 10);
  const lines: string[] = [];
  createInterface(compiler.stderr).on('line', (line) => lines.push(line));
  const progress = setInterval(
    () => say(`  ${basename(target)}: ${lines.length} packages, ${seconds()}`),
    10_000,
  );
  const limit = setTimeout(() => compiler.kill('SIGKILL'), deadlineMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    compiler.on('error', reject);
    compiler.on('close', resolve);
  }).finally(() => {
    clearInterval(progress);
    clearTimeout(limit);
  });
  if (code !== 0)
    throw new Error(`go build ${goPackage} failed after ${seconds()}:\n${lines.slice(-20).join('\n')}`);
  renameSync(unfinished, target);
  say(`  ${basename(target)}: built in ${seconds()}`);
}

/** One build at a time on a machine: two test workers that start together must not compile the same thing twice. */
export async function withBuildLock(folder: string, work: () => Promise<void>): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, 'building');
  const until = Date.now() + deadlineMs;
  while (!taken(lock)) {
    if (Date.now() > until)
      throw new Error(`another build holds ${lock} for too long: remove it if none runs`);
    await pause(500);
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** A lock whose process is gone counts as free. */
function taken(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') rmSync(lock, { force: true });
  }
  return false;
}
