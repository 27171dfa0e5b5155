// The image's files for the architecture that this machine does not have, made as the Containerfile makes them; image.test.ts looks at them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Of the project as it is, built before; the registry must be in reach. Gives the folder with the files. */
export function filesFor(cpu: 'x64' | 'arm64', root: string, work: string): string {
  const source = join(work, `source-${cpu}`);
  const target = join(work, `target-${cpu}`);
  mkdirSync(source);
  const own = readdirSync(root).filter((name) => !['node_modules', '.git', 'out'].includes(name));
  for (const name of own) symlinkSync(join(root, name), join(source, name));
  const install = ['ci', '--omit=dev', '--os=linux', `--cpu=${cpu}`, '--libc=glibc', '--no-audit'];
  execFileSync('npm', install, { cwd: source, stdio: ['ignore', 'ignore', 'pipe'], timeout: 240_000 });
  execFileSync('npx', ['tsx', 'image/copy.ts', source, cpu, target], { cwd: root, timeout: 60_000 });
  return target;
}

/** Paths of libraries and native modules below a folder. */
export function nativeFiles(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return all.filter((path) => /\.node$|\.so(\.\d+)*$/.test(path)).sort();
}

const machines: Record<number, string> = { 0x3e: 'x64', 0xb7: 'arm64' };

/** What the head of an ELF file says; undefined for other files. */
export function machineOf(file: string): string | undefined {
  const head = readFileSync(file).subarray(0, 20);
  return head.toString('latin1', 0, 4) === '\x7fELF' ? machines[head.readUInt16LE(18)] : undefined;
}
