// What containers of a node used at most, as the kernel counted it; the tests on real nodes print it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupMounts } from './cgroups.ts';

/** Bytes, page cache included; undefined where no container of the pod is there any more. */
export function peakMemory(cgroup: string, podUid: string): number | undefined {
  const [folder] = containersOf(cgroup, podUid, 'memory');
  if (folder === undefined) return undefined;
  const file = ['memory.max_usage_in_bytes', 'memory.peak'].find((name) => existsSync(join(folder, name)));
  return file === undefined ? undefined : Number(readFileSync(join(folder, file), 'utf8'));
}

/** Process ids, as this machine sees them, of the pod's containers; the sandbox's is not among them. */
export function processesOf(cgroup: string, podUid: string): number[] {
  return containersOf(cgroup, podUid, 'memory').flatMap((folder) =>
    readFileSync(join(folder, 'cgroup.procs'), 'utf8').trim().split('\n').filter(Boolean).map(Number),
  );
}

/** Only containers with a limit: sandboxes have none. */
function containersOf(cgroup: string, podUid: string, controller: string): string[] {
  const { version, paths } = cgroupMounts();
  const mount = version === 2 ? paths[0]! : paths.find((path) => path.endsWith(`/${controller}`))!;
  const root = join(mount, cgroup);
  if (!existsSync(root)) return [];
  const folders = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const parts = folders.filter((path) => new RegExp(`/pod${podUid}/[0-9a-f]{64}$`).test(path));
  return parts.map((path) => join(root, path)).filter((folder) => limitOf(folder) < 2 ** 50);
}

function limitOf(folder: string): number {
  const file = ['memory.limit_in_bytes', 'memory.max'].find((name) => existsSync(join(folder, name)));
  const text = file === undefined ? 'max' : readFileSync(join(folder, file), 'utf8').trim();
  return text === 'max' ? Infinity : Number(text);
}
