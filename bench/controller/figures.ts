// Puts the measured times and counts into words and tables; main.ts prints them.
import { availableParallelism } from 'node:os';
import type { Burst } from './burst.ts';

const cores = availableParallelism();

export interface RoundFigures {
  /** Latencies of tasks that came one after the other. */
  single: number[];
  own: Burst;
  floor: Burst;
}

/** The smallest value that a share of all reaches at most. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

export function latencyText(label: string, { latenciesMs, wholeMs, making, count }: Burst): string {
  const share = (ms: number) => `${(ms / count).toFixed(1)}`;
  return (
    `${label}: p50 ${ms(quantile(latenciesMs, 0.5))}, p99 ${ms(quantile(latenciesMs, 0.99))}, all ${ms(wholeMs)}; ` +
    `processor ms a task: API server ${share(making.apiServerCpuMs)}, etcd ${share(making.etcdCpuMs)}, ` +
    `controller ${share(making.controllerCpuMs)}, whole machine ${share(making.machineCpuMs)} of ${share(wholeMs * cores)} there were`
  );
}

/** What a task costs until it runs and nothing is left to do. */
export function callsText({ count, objectsPerTask, settled }: Burst): string {
  if (!settled) return '';
  const { writes, statusWrites, events, clientWrites } = settled;
  const each = (number: number) => (number / count).toFixed(2);
  const match = writes + events === clientWrites ? 'the same' : `${each(writes + events)}, NOT the same`;
  return (
    `requests a task until it runs: ${each(clientWrites)}, all of them writes (${objectsPerTask} objects, ` +
    `${each(statusWrites)} statuses, ${each(events)} events); the API server counted ${match}`
  );
}

export function printRounds(
  rounds: RoundFigures[],
  { singles, burst }: { singles: number; burst: number },
): void {
  const row = (name: string, share: number, pick: (round: RoundFigures) => number[]) => {
    const values = rounds.map((round) => quantile(pick(round), share));
    console.log(
      `${name.padEnd(34)} ${ms(quantile(values, 0.5)).padStart(8)} (${ms(Math.min(...values))}-${ms(Math.max(...values))})`,
    );
  };
  console.log(`median of ${rounds.length} rounds (range):`);
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    row(`one task, ${name} of ${singles}`, share, ({ single }) => single);
    row(`${burst} at once, ${name}`, share, ({ own }) => own.latenciesMs);
    row(`${burst} at once, floor, ${name}`, share, ({ floor }) => floor.latenciesMs);
    const ratios = rounds.map(
      ({ own, floor }) => quantile(own.latenciesMs, share) / quantile(floor.latenciesMs, share),
    );
    console.log(
      `${`ratio to the floor, ${name}`.padEnd(34)} ${quantile(ratios, 0.5).toFixed(2).padStart(8)}`,
    );
  }
}

const ms = (number: number) => `${number.toFixed(0)} ms`;
