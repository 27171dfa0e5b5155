// Nothing of real nodes stays behind on the machine, not even when the test process is killed.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { cgroupMounts } from './cgroups.ts';
import { whyNoRealNodes } from './requirements.ts';

const reason = whyNoRealNodes();
const testOnNodes = reason === undefined ? test : test.skip;
if (reason !== undefined) process.stderr.write(`SKIPPED what real nodes leave behind: ${reason}\n`);

interface Stray {
  /** Also the name of the folder. */
  cgroup: string;
  address: string;
  podCidr: string;
}

testOnNodes(
  'a killed test process leaves no process, mount, interface, route, cgroup or folder of its nodes',
  async () => {
    const script = fileURLToPath(new URL('./strayNodes.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    const [line] = (await Promise.race([
      once(createInterface(child.stdout), 'line'),
      ended.then(() => ['null']),
    ])) as [string];
    const stray = JSON.parse(line) as Stray;
    const namespace = namespaceOf(stray.cgroup);
    const left = () => leftBy(stray, namespace);
    const programs = processesOf(stray.cgroup, namespace).join('\n');
    for (const program of ['kubelet', 'kube-proxy', 'coredns', 'containerd-shim'])
      expect(programs).toContain(program);
    // The checks below find what is there.
    expect(left().map(([what]) => what)).toEqual(['processes', 'network', 'cgroups', 'folder']);
    child.kill('SIGKILL');
    await ended;
    const until = Date.now() + 30_000;
    while (left().length > 0 && Date.now() < until) await pause(100);
    expect(left()).toEqual([]);
  },
  180_000,
);

/** What can be seen of the nodes on this machine. */
function leftBy({ cgroup, address, podCidr }: Stray, namespace: string): [what: string, where: string[]][] {
  const { paths } = cgroupMounts();
  const folder = join(tmpdir(), cgroup);
  const routes = execFileSync('ip', ['-4', 'route', 'show', 'table', 'all'], { encoding: 'utf8' });
  const found: [string, string[]][] = [
    ['processes', processesOf(cgroup, namespace)],
    [
      'mounts',
      readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .filter((mount) => mount.includes(cgroup)),
    ],
    ['network', routes.split('\n').filter((route) => route.includes(address) || route.includes(podCidr))],
    [
      'cgroups',
      [...paths, '/sys/fs/cgroup/unified']
        .map((path) => join(path, cgroup))
        .filter((path) => existsSync(path)),
    ],
    ['folder', existsSync(folder) ? [folder] : []],
  ];
  return found.filter(([, where]) => where.length > 0);
}

/** Of the machine's first process; all of its programs and containers are in there or below. */
function namespaceOf(cgroup: string): string {
  const first = pids().find(
    (pid) => commandOf(pid).includes(cgroup) && pidNamespace(pid) !== pidNamespace('self'),
  );
  return pidNamespace(first ?? 'none')!;
}

/** Those that name the nodes' folder, and those of the namespace. */
function processesOf(cgroup: string, namespace: string): string[] {
  return pids()
    .filter((pid) => commandOf(pid).includes(cgroup) || pidNamespace(pid) === namespace)
    .map(commandOf);
}

function pids(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

/** Empty when it has ended meanwhile. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function pidNamespace(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
