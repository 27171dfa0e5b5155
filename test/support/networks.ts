// Networks of a test's own: namespaces that reach each other and this machine, and whose links can be cut. They go with the test process.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, freePlan } from './cluster/realNodes/wiring.ts';
import { readlinkSync } from 'node:fs';

export interface Networks {
  /** One for each namespace. */
  addresses: string[];
  /** How to run a program in one of them; it ends with the test process. */
  inside: (index: number) => (program: string, flags: string[]) => [string, string[]];
  /** Between two of them: while it is cut nothing arrives, and nobody is told. */
  cut: (one: number, other: number) => void;
  mend: (one: number, other: number) => void;
  /** Between one of them and this machine. */
  cutOff: (index: number) => void;
  rejoin: (index: number) => void;
  stop: () => Promise<void>;
}

/** In words; undefined when they can be made. */
export function whyNoNetworks(): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root';
  try {
    execFileSync('unshare', ['--net', 'ip', 'link', 'show'], { stdio: 'ignore', timeout: 10_000 });
    return undefined;
  } catch {
    return 'it may not make network namespaces, or lacks the packages iproute2 and util-linux';
  }
}

export async function startNetworks(count: number): Promise<Networks> {
  const plan = freePlan(count);
  // Each holds its namespace until nobody writes to it any more.
  const holders = Array.from({ length: count }, () =>
    spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] }),
  );
  await Promise.all(holders.map(entered));
  const pids = holders.map(({ pid }) => pid!);
  connect(plan, pids);
  const set = (index: number, device: string, state: 'up' | 'down') =>
    inNetwork(pids[index]!, ['ip', 'link', 'set', device, state]);
  const route = (from: number, to: number) =>
    inNetwork(pids[from]!, [
      'ip',
      'route',
      'replace',
      `${plan.machines[to]!.address}/32`,
      'dev',
      `to${to}`,
      'src',
      plan.machines[from]!.address,
    ]);
  return {
    addresses: plan.machines.map(({ address }) => address),
    inside: (index) => (program, flags) => [
      'nsenter',
      ['--target', String(pids[index]), '--net', 'setpriv', '--pdeathsig', 'KILL', program, ...flags],
    ],
    cut: (one, other) => set(one, `to${other}`, 'down'),
    mend(one, other) {
      set(one, `to${other}`, 'up');
      // With a link that goes down its routes go too.
      route(one, other);
    },
    cutOff: (index) => set(index, 'up0', 'down'),
    rejoin(index) {
      set(index, 'up0', 'up');
      inNetwork(pids[index]!, [
        'ip',
        'route',
        'replace',
        `${plan.host}/32`,
        'dev',
        'up0',
        'src',
        plan.machines[index]!.address,
      ]);
    },
    async stop() {
      for (const holder of holders) {
        const ended = once(holder, 'exit');
        holder.stdin.end();
        await ended;
      }
    },
  };
}

/** Resolves when the process has left the network of this one. */
async function entered({ pid, exitCode }: ChildProcess): Promise<void> {
  const own = readlinkSync('/proc/self/ns/net');
  const until = Date.now() + 10_000;
  while (readlinkSync(`/proc/${pid}/ns/net`) === own) {
    if (Date.now() > until || exitCode !== null) throw new Error('a network namespace cannot be made');
    await pause(5);
  }
}

function inNetwork(pid: number, command: string[]): void {
  execFileSync('nsenter', ['--target', String(pid), '--net', ...command], { timeout: 10_000 });
}
