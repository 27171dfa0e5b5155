// How much the controller does when nothing happens: main.ts runs it once all tasks run.
import { setTimeout as delay } from 'node:timers/promises';
import { writesOf } from './burst.ts';
import type { ControllerProcess } from './controllerProcess.ts';
import type { Ground } from './ground.ts';
import { progressBar } from './progress.ts';
import { difference, serverFigures } from './serverFigures.ts';

export interface Calm {
  minutes: number;
  /** By the controller's own count. */
  writes: number;
  /** By the API server's. */
  serverWrites: number;
  reads: number;
  leaseWrites: number;
  cpuMs: number;
  /** Every ten seconds. */
  residentMb: number[];
}

const stepMs = 10_000;

export async function runCalm(
  { cluster }: Ground,
  controller: ControllerProcess,
  minutes: number,
): Promise<Calm> {
  const [before, requests, cpuMs] = [
    await serverFigures(cluster),
    await controller.requests(),
    controller.cpuMs(),
  ];
  const steps = Math.ceil((minutes * 60_000) / stepMs);
  const bar = progressBar(`${minutes} minutes of calm`, steps);
  const residentMb = [(await controller.memory()).residentMb];
  for (let step = 1; step <= steps; step++) {
    await delay(stepMs);
    residentMb.push((await controller.memory()).residentMb);
    bar.update(step);
  }
  bar.stop();
  const after = await controller.requests();
  const server = difference(await serverFigures(cluster), before);
  return {
    minutes,
    writes: writesOf(after) - writesOf(requests),
    serverWrites: server.writes + server.events,
    reads: (after['GET'] ?? 0) - (requests['GET'] ?? 0),
    leaseWrites: (after['PUT'] ?? 0) - (requests['PUT'] ?? 0),
    cpuMs: controller.cpuMs() - cpuMs,
    residentMb,
  };
}
