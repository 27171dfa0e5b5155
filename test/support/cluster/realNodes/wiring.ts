// Connects test machines with each other and with this one by pairs of network interfaces, which go when the machines end.
import { execFileSync } from 'node:child_process';

/** Addresses reserved for tests of networks (RFC 2544): 198.18/15. One /24 of each half belongs to one cluster. */
export interface Plan {
  number: number;
  /** Address of this machine. */
  host: string;
  /** All pods. */
  podCidr: string;
  machines: { address: string; podCidr: string }[];
}

const podsOfMachine = 64;

/** @throws Error when all networks are taken */
export function freePlan(machines: number): Plan {
  const taken = ip(['-4', 'addr', 'show']) + ip(['-4', 'route', 'show', 'table', 'all']);
  const start = process.pid % 256;
  for (let step = 0; step < 256; step++) {
    const number = (start + step) % 256;
    if (taken.includes(`198.18.${number}.`) || taken.includes(`198.19.${number}.`)) continue;
    return {
      number,
      host: `198.18.${number}.1`,
      podCidr: `198.19.${number}.0/24`,
      machines: Array.from({ length: machines }, (_, index) => ({
        address: `198.18.${number}.${index + 11}`,
        podCidr: `198.19.${number}.${index * podsOfMachine}/26`,
      })),
    };
  }
  throw new Error('all of 198.18.0.0/16 is in use: end the clusters of other tests');
}

/** `pids`: a process in each machine. Afterwards machines, their pods and this machine reach each other without NAT. */
export function connect(plan: Plan, pids: number[]): void {
  pids.forEach((pid, index) => {
    const { address, podCidr } = plan.machines[index]!;
    const outside = `mei${plan.number}h${index}`;
    ip(['link', 'add', outside, 'type', 'veth', 'peer', 'name', 'up0', 'netns', String(pid)]);
    ip(['addr', 'add', `${plan.host}/32`, 'dev', outside]);
    ip(['link', 'set', outside, 'up']);
    ip(['route', 'add', `${address}/32`, 'dev', outside, 'src', plan.host]);
    ip(['route', 'add', podCidr, 'via', address, 'dev', outside, 'onlink', 'src', plan.host]);
    ipIn(pid, ['link', 'set', 'lo', 'up']);
    ipIn(pid, ['addr', 'add', `${address}/32`, 'dev', 'up0']);
    ipIn(pid, ['link', 'set', 'up0', 'up']);
    ipIn(pid, ['route', 'add', `${plan.host}/32`, 'dev', 'up0', 'src', address]);
    // Nothing else can be reached, and that is said at once: a registry, or the name server of this machine.
    ipIn(pid, ['route', 'add', 'unreachable', 'default']);
  });
  for (let one = 0; one < pids.length; one++)
    for (let other = one + 1; other < pids.length; other++) connectPair(plan, pids, one, other);
}

function connectPair(plan: Plan, pids: number[], one: number, other: number): void {
  const name = (index: number) => `to${index}`;
  ipIn(pids[one]!, [
    ...['link', 'add', name(other), 'type', 'veth'],
    ...['peer', 'name', name(one), 'netns', String(pids[other])],
  ]);
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const { address } = plan.machines[from]!;
    const far = plan.machines[to]!;
    ipIn(pids[from]!, ['addr', 'add', `${address}/32`, 'dev', name(to)]);
    ipIn(pids[from]!, ['link', 'set', name(to), 'up']);
    ipIn(pids[from]!, ['route', 'add', `${far.address}/32`, 'dev', name(to), 'src', address]);
    ipIn(pids[from]!, ['route', 'add', far.podCidr, 'via', far.address, 'dev', name(to), 'onlink']);
  }
}

function ip(args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', timeout: 10_000 });
}

function ipIn(pid: number, args: string[]): void {
  execFileSync('nsenter', ['--target', String(pid), '--net', 'ip', ...args], { timeout: 10_000 });
}
