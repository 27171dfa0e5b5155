// More than an owner can take: outboxes hold what it refuses, and in the end it has everything once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StageEvent, TrackletsData } from '../../config/events.ts';
import { Outbox } from '../../delivery/outbox.ts';
import { outgoing, traffic, type Looks } from '../traffic.ts';
import { camerasOf, checkTaken } from './load.ts';
import { byNode } from './nodes.ts';
import { withOwners } from './owners.ts';

export interface Overload {
  offeredPerSecond: number;
  takenPerSecond: number;
  /** Most events that waited in outboxes. */
  mostWaiting: number;
  /** Tries that were asked to come again. */
  retries: number;
  /** From the last event offered until all are taken. */
  drainS: number;
}

/** Tracklets that a node's outbox takes at a time. */
const offeredTogether = 32;
const drainDeadlineMs = 300_000;
const pollMs = 50;

/** @throws Error when an event is lost or counted twice */
export async function measureOverload(cameras: number, seconds: number, looks: Looks): Promise<Overload> {
  const names = camerasOf(cameras);
  const events = traffic(names, seconds, looks);
  const folder = mkdtempSync(join(tmpdir(), 'mei-overload-'));
  try {
    return await withOwners([names], async (owners) => {
      const shares = byNode(names, events);
      const outboxes = shares.map(
        (_share, node) =>
          new Outbox(
            { folder: join(folder, `node-${node}`) },
            { resolve: () => owners[0]!.url, log: { info() {}, warn() {}, error: console.error } },
          ),
      );
      const beganMs = performance.now();
      await Promise.all(outboxes.map((outbox, i) => offer(outbox, shares[i]!)));
      const offeredMs = performance.now();
      const mostWaiting = outboxes.reduce((sum, outbox) => sum + outbox.figures().waiting, 0);
      await Promise.all(outboxes.map(emptied));
      const endMs = performance.now();
      await checkTaken(owners, [events.length]);
      const retries = outboxes.reduce((sum, outbox) => sum + outbox.figures().retries, 0);
      await Promise.all(outboxes.map((outbox) => outbox.close()));
      return {
        offeredPerSecond: (events.length / (offeredMs - beganMs)) * 1000,
        takenPerSecond: (events.length / (endMs - beganMs)) * 1000,
        mostWaiting,
        retries,
        drainS: (endMs - offeredMs) / 1000,
      };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** While the owner refuses, an outbox pauses by itself. */
async function emptied(outbox: Outbox): Promise<void> {
  const deadlineMs = performance.now() + drainDeadlineMs;
  while (outbox.figures().waiting > 0) {
    if (performance.now() > deadlineMs) throw new Error(`${outbox.figures().waiting} events still wait`);
    await outbox.settle();
    await delay(pollMs);
  }
}

async function offer(outbox: Outbox, events: readonly StageEvent<TrackletsData>[]): Promise<void> {
  for (let at = 0; at < events.length; at += offeredTogether)
    await Promise.all(events.slice(at, at + offeredTogether).map((event) => outbox.accept(outgoing(event))));
}
