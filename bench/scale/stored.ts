// What a tracklet costs while the store grows: the same traffic into stores with ever more people of the past.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillStore } from '../filledStore.ts';
import { startS, traffic, type Looks } from '../traffic.ts';
import { camerasOf, checkTaken } from './load.ts';
import { requestsOf, send } from './nodes.ts';
import { withOwners } from './owners.ts';
import { random } from '../../test/functions/match/world.ts';

export interface Stored {
  vectors: number;
  eventsPerSecond: number;
  coreSecondsPerThousand: number;
  startMs: number;
}

const dayS = 86_400;
const eventsPerRequest = 32;

/** Cameras and tracks have other names than those of the past. */
export async function measureStored(
  vectors: number,
  cameras: number,
  seconds: number,
  looks: Looks,
): Promise<Stored> {
  const folder = mkdtempSync(join(tmpdir(), 'mei-stored-'));
  const next = random(19);
  const vector = () => ({
    vector: Int8Array.from({ length: looks.dimensions }, () => Math.floor(next() * 255) - 127),
    scale: 0.001,
  });
  try {
    mkdirSync(join(folder, 'store-0'));
    fillStore(join(folder, 'store-0'), { vectors, from: startS - dayS - vectors / 8, vector });
    const names = camerasOf(cameras);
    const events = traffic(names, seconds, looks);
    const nodes = await requestsOf(names, events, eventsPerRequest);
    const beganMs = performance.now();
    return await withOwners(
      [names],
      async (owners) => {
        const [owner] = owners;
        const startMs = performance.now() - beganMs;
        const [before, sentMs] = [owner!.processorSeconds(), performance.now()];
        await send(nodes, owner!.url);
        await checkTaken(owners, [events.length]);
        const tookS = (performance.now() - sentMs) / 1000;
        return {
          vectors,
          eventsPerSecond: events.length / tookS,
          coreSecondsPerThousand: ((owner!.processorSeconds() - before) / events.length) * 1000,
          startMs,
        };
      },
      { folder },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
