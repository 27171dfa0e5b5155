// Processor time and memory of running processes, as the kernel counts them, for benchmarks that start workers. Linux only.
import { readFileSync } from 'node:fs';

/** Clock ticks of /proc, which Linux fixes for programs. */
const ticksPerSecond = 100;

/** Seconds of processor time of a process so far, all its threads, user and system. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** The most memory that was resident so far, MiB. */
export function mostResidentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
