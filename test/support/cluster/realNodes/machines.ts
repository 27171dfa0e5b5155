// Machines for real nodes: each is a set of namespaces with its own network, processes and places for state. realCluster.ts starts them.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Daemon, Daemons } from '../daemons.ts';
import { connect, freePlan, type Plan } from './wiring.ts';

export interface Machine {
  name: string;
  /** Reached from this machine and from the others. */
  address: string;
  /** Addresses of its pods. */
  podCidr: string;
  /** What the machine sees as /var/lib. */
  libraryFolder: string;
  /** Starts a program in it, which sees the files of this machine. */
  start: (program: string, path: string, flags: string[]) => Daemon;
  /** Runs one to its end; gives what it printed. Throws with what it printed on standard error. */
  run: (path: string, args: string[], timeoutMs?: number) => Promise<string>;
}

/**
 * The first process of a machine ends with `unshare`, and the kernel ends all others with it; then mounts and interfaces go.
 * It waits for children without end, because orphans become its own.
 */
const firstProcess = `
for place in lib log; do mount --bind "$1/$place" "/var/$place"; done
mount --bind "$1/run" /run
echo 1 > /proc/sys/net/ipv4/ip_forward
: > "$1/started"
while :; do sleep 60 & wait; done
`;

/** Ends with the daemons. `folder`: for the machines' state. */
export async function startMachines(
  daemons: Daemons,
  folder: string,
  names: string[],
): Promise<{ plan: Plan; machines: Machine[] }> {
  const plan = freePlan(names.length);
  const pids: number[] = [];
  for (const name of names) {
    for (const place of ['lib', 'log', 'run']) mkdirSync(join(folder, name, place), { recursive: true });
    const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const state = join(folder, name);
    const first = daemons.start(name, 'unshare', [...flags, 'sh', '-ec', firstProcess, 'sh', state]);
    await first.waitUntil(`machine ${name} does not start`, 10_000, () =>
      Promise.resolve(existsSync(join(state, 'started'))),
    );
    pids.push(childrenOf(first.pid!)[0]!);
  }
  connect(plan, pids);
  return {
    plan,
    machines: names.map((name, index) => ({
      name,
      ...plan.machines[index]!,
      libraryFolder: join(folder, name, 'lib'),
      start: (program, path, flags) =>
        daemons.start(`${name}-${program}`, 'nsenter', [...entering(pids[index]!), path, ...flags]),
      run: (path, args, timeoutMs) => nsenter(pids[index]!, path, args, timeoutMs),
    })),
  };
}

function entering(pid: number): string[] {
  return ['--target', String(pid), '--mount', '--net', '--pid', '--'];
}

async function nsenter(pid: number, path: string, args: string[], timeoutMs = 30_000): Promise<string> {
  const options = { timeout: timeoutMs, maxBuffer: 16 << 20 };
  return (await promisify(execFile)('nsenter', [...entering(pid), path, ...args], options)).stdout;
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(/\s+/).map(Number);
}
