// Cameras at the speed of life: how long until a tracklet is stored, and until it is said who somebody is.
import { eventTypes } from '../../config/events.ts';
import { traffic, type Looks } from '../traffic.ts';
import { hearAnnouncements } from './announcements.ts';
import { camerasOf, checkTaken } from './load.ts';
import { requestsOf, send } from './nodes.ts';
import { withOwners } from './owners.ts';

export interface Live {
  eventsPerSecond: number;
  /** Share of one core that the owner needs. */
  cores: number;
  /** From sending to being stored. */
  storedMs: number[];
  /** From sending a track's first tracklet to the announcement of who that is. */
  announcedMs: number[];
  /** Tracks that were announced, of those that began long enough before the end. */
  announcedShare: number;
}

/** What begins later may be announced after the last event. */
const lastWordS = 10;

export async function measureLive(cameras: number, seconds: number, looks: Looks): Promise<Live> {
  const names = camerasOf(cameras);
  const from = Math.floor(Date.now() / 1000);
  const events = traffic(names, seconds, looks, from).filter(
    ({ time }) => Date.parse(time!) / 1000 <= from + seconds,
  );
  // Nothing waits for company.
  const nodes = await requestsOf(names, events, 1);
  const announcements = await hearAnnouncements();
  const sinks = { [eventTypes.identities]: announcements.url };
  try {
    return await withOwners(
      [names],
      async (owners) => {
        const [owner] = owners;
        const before = owner!.processorSeconds();
        const begunMs = new Map<string, number>();
        const beganMs = performance.now();
        const { delaysMs } = await send(
          nodes,
          owner!.url,
          ({ time }) => (time - from) * 1000,
          ({ begun }) => {
            for (const track of begun) begunMs.set(track, performance.now());
          },
        );
        const tookS = (performance.now() - beganMs) / 1000;
        await checkTaken(owners, [events.length]);
        const due = [...begunMs].filter(([, ms]) => ms - beganMs < (seconds - lastWordS) * 1000);
        const announced = due.filter(([track]) => announcements.firstMs.has(track));
        return {
          eventsPerSecond: events.length / tookS,
          cores: (owner!.processorSeconds() - before) / tookS,
          storedMs: delaysMs,
          announcedMs: announced.map(([track, ms]) => announcements.firstMs.get(track)! - ms),
          announcedShare: announced.length / due.length,
        };
      },
      { more: { sinks } },
    );
  } finally {
    await announcements.close();
  }
}
