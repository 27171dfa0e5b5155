// Where the containers of test machines are accounted: machines.ts makes these folders, the watchdog of the daemons removes them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Mount points of the memory, processor and other controllers: several in version 1, one in version 2. */
export function cgroupMounts(): { version: 1 | 2; paths: string[] } {
  const first = mountsOf('cgroup');
  return first.length > 0 ? { version: 1, paths: first } : { version: 2, paths: mountsOf('cgroup2') };
}

function mountsOf(type: 'cgroup' | 'cgroup2'): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts.map((line) => line.split(' ')).flatMap((fields) => (fields[2] === type ? [fields[1]!] : []));
}

/**
 * Makes `/<group>/<child>` in every hierarchy.
 * @returns all folders that the group may come to have: beside version 1, runc makes some in version 2 as well
 * @throws Error where they cannot be made
 */
export function makeCgroups(group: string, children: string[]): string[] {
  const { version, paths } = cgroupMounts();
  for (const mount of paths) {
    if (version === 2) passControllersOn(mount);
    makeCgroup(mount, group, version);
    for (const child of children) makeCgroup(join(mount, group), child, version);
  }
  return [...paths, ...mountsOf('cgroup2')].map((mount) => join(mount, group));
}

function makeCgroup(parent: string, name: string, version: 1 | 2): void {
  const folder = join(parent, name);
  mkdirSync(folder);
  if (version === 2) passControllersOn(folder);
  else if (parent.includes('/cpuset'))
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      // Empty in a new group, and then no process can enter it.
      writeFileSync(join(folder, file), readFileSync(join(parent, file)));
    }
}

/** Version 2: what is below a folder has only those controllers that the folder passes on. */
function passControllersOn(folder: string): void {
  const controllers = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ');
  for (const controller of controllers)
    writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`);
}
