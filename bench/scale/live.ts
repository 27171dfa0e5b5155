// Cameras at the speed of life: how long until a tracklet is stored, and until it is said who somebody is.
import { eventTypes, type IdentitiesData } from '../../config/events.ts';
import { startRecordingCloud, type Crossing } from '../../test/support/cloud.ts';
import { traffic, type Looks } from '../traffic.ts';
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
  const cloud = await startRecordingCloud();
  const sinks = { [eventTypes.identities]: cloud.url };
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
        const firstMs = firstAnnounced(cloud.crossings);
        const due = [...begunMs].filter(([, ms]) => ms - beganMs < (seconds - lastWordS) * 1000);
        const announced = due.filter(([track]) => firstMs.has(track));
        return {
          eventsPerSecond: events.length / tookS,
          cores: (owner!.processorSeconds() - before) / tookS,
          storedMs: delaysMs,
          announcedMs: announced.map(([track, ms]) => firstMs.get(track)! - ms),
          announcedShare: announced.length / due.length,
        };
      },
      { more: { sinks } },
    );
  } finally {
    await cloud.close();
  }
}

/** `camera/track` -> when it was first said who that is, by performance.now(). */
function firstAnnounced(crossings: readonly Crossing[]): Map<string, number> {
  const firstMs = new Map<string, number>();
  for (const { event, atMs } of crossings) {
    if (event.type !== eventTypes.identities) continue;
    for (const change of (event.data as IdentitiesData).changes) {
      if (change.kind !== 'assigned') continue;
      const key = `${change.camera}/${change.track}`;
      if (!firstMs.has(key)) firstMs.set(key, atMs);
    }
  }
  return firstMs;
}
