// What npm has for another processor than this machine's: the packages with native code, and Node itself. build.ts calls it.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A root like `root`, built already, but with the runtime packages of that processor. Lies in `work`, an empty folder. */
export function rootFor(cpu: string, root: string, work: string): string {
  const other = join(work, 'root');
  mkdirSync(other);
  const own = readdirSync(root).filter((name) => !['node_modules', '.git', 'out'].includes(name));
  for (const name of own) symlinkSync(join(root, name), join(other, name));
  install(cpu, other);
  return other;
}

/** Path of Node for that processor, of the version and with the digest that image/node names. */
export function nodeFor(cpu: string, root: string, work: string): string {
  const folder = join(work, 'node');
  mkdirSync(folder);
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    copyFileSync(join(root, 'image/node', name), join(folder, name));
  install(cpu, folder);
  return join(folder, `node_modules/node-linux-${cpu}/bin/node`);
}

function install(cpu: string, folder: string): void {
  const args = ['ci', '--omit=dev', '--os=linux', `--cpu=${cpu}`, '--libc=glibc', '--no-audit', '--no-fund'];
  try {
    execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000 });
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: Buffer };
    const why =
      String(stderr ?? '')
        .trim()
        .split('\n')[0] || message;
    throw new Error(`npm has no packages for linux on ${cpu} (${why}): is the registry in reach?`, { cause });
  }
}
