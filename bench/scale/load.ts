// As many tracklets as owners take, as fast as they take them.
import { traffic, type Looks } from '../traffic.ts';
import { requestsOf, send } from './nodes.ts';
import { withOwners, type Owner } from './owners.ts';

export interface Load {
  events: number;
  eventsPerSecond: number;
  /** Processor seconds of all owners for 1,000 events. */
  coreSecondsPerThousand: number;
  /** Of the sender, for 1,000 events: what the owners' processes could not have. */
  senderSecondsPerThousand: number;
  delaysMs: number[];
  refused: number;
  /** Of the largest owner. */
  residentMiB: number;
}

/** Requests of a busy outbox. */
const eventsPerRequest = 32;

/** Cameras are shared out evenly among `owners`, each of which decides for its own. @throws Error when an event is lost or counted twice */
export async function measureLoad(
  cameras: number,
  owners: number,
  seconds: number,
  looks: Looks,
): Promise<Load> {
  const names = camerasOf(cameras);
  const lists = Array.from({ length: owners }, (_, i) => names.filter((_name, at) => at % owners === i));
  const events = lists.map((list) => traffic(list, seconds, looks));
  const requests = await Promise.all(lists.map((list, i) => requestsOf(list, events[i]!, eventsPerRequest)));
  const count = events.reduce((sum, each) => sum + each.length, 0);
  return withOwners(lists, async (running) => {
    const spent = () => running.reduce((sum, owner) => sum + owner.processorSeconds(), 0);
    const before = { owners: spent(), sender: process.cpuUsage(), ms: performance.now() };
    const sent = await Promise.all(running.map(({ url }, i) => send(requests[i]!, url)));
    await checkTaken(
      running,
      events.map(({ length }) => length),
    );
    const seconds = (performance.now() - before.ms) / 1000;
    const { user, system } = process.cpuUsage(before.sender);
    return {
      events: count,
      eventsPerSecond: count / seconds,
      coreSecondsPerThousand: ((spent() - before.owners) / count) * 1000,
      senderSecondsPerThousand: ((user + system) / 1e6 / count) * 1000,
      delaysMs: sent.flatMap(({ delaysMs }) => delaysMs),
      refused: sent.reduce((sum, { refused }) => sum + refused, 0),
      residentMiB: Math.max(...running.map((owner) => owner.residentMiB())),
    };
  });
}

export function camerasOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `camera-${i}`);
}

/** Acknowledged is not enough: each was taken once. */
export async function checkTaken(owners: readonly Owner[], events: readonly number[]): Promise<void> {
  for (const [i, owner] of owners.entries()) {
    const { tracklets, repeated, waiting } = await owner.taken();
    if (tracklets !== events[i] || waiting > 0)
      throw new Error(
        `an owner was sent ${events[i]} tracklets and took ${tracklets} (${repeated} twice, ${waiting} waiting)`,
      );
  }
}
