// Shares the cameras of a stage among its workers. Pure; desired.ts asks, so that who sends and who takes mean the same.
import { createHash } from 'node:crypto';

/**
 * Each worker gets as many cameras as the next, give or take one. A camera keeps its worker as far as that allows when cameras
 * come and go: each has an order of preference of its own, and takes the first one that has room.
 * @returns `count` lists of camera ids, none empty when there are enough cameras
 */
export function shardsOf(cameras: readonly string[], count: number): string[][] {
  const shards = Array.from({ length: count }, (): string[] => []);
  const least = Math.floor(cameras.length / count);
  let larger = cameras.length % count;
  for (const camera of [...cameras].sort()) {
    const chosen = preferences(camera, count).find((shard) => {
      const { length } = shards[shard]!;
      return length < least || (length === least && larger > 0);
    })!;
    if (shards[chosen]!.length === least) larger -= 1;
    shards[chosen]!.push(camera);
  }
  return shards;
}

/** Worker numbers by a digest of camera and worker: another worker more changes the order of the others for nobody. */
function preferences(camera: string, count: number): number[] {
  const rank = (shard: number) => createHash('sha256').update(`${camera}\n${shard}`).digest('hex');
  return Array.from({ length: count }, (_, shard) => ({ shard, rank: rank(shard) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ shard }) => shard);
}
