// What the matching benchmark replays: the tracklets that edge nodes would have sent, with the truth about each. Kept in
// the cache, so that tuning the matcher takes seconds.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, encode } from 'cbor-x';
import type { TrackletsData } from '../../config/events.ts';

/** One tracklets event at the media time of its frame, seconds. */
export interface Arrival {
  time: number;
  data: TrackletsData;
}

/** One box of one track; pixels of its camera's image. */
export interface TrackBox {
  camera: string;
  frame: number;
  track: string;
  box: [number, number, number, number];
}

export interface Recording {
  name: string;
  cameras: string[];
  /** By time. */
  arrivals: Arrival[];
  /** Of cameras that are calibrated: pixels to metres of one ground plane, 3 x 3 row-major. */
  ground?: Map<string, number[]>;
  /** Person of each track, `camera/track`; where truth belongs to boxes it is absent. */
  people?: Map<string, string>;
  /** Boxes of every frame, where truth belongs to boxes. */
  boxes?: TrackBox[];
}

/**
 * Reads a recording from the cache, or makes and keeps it.
 * @param madeBy files and folders of the code that makes it: when they change it is made again
 */
export async function cachedRecording(
  cacheFolder: string,
  key: string,
  madeBy: readonly string[],
  make: () => Promise<Recording>,
): Promise<Recording> {
  const file = join(cacheFolder, 'matching', `${key}-${digestOf(madeBy)}.cbor`);
  if (existsSync(file)) return decode(readFileSync(file)) as Recording;
  console.error(`matching: making ${key}, once`);
  const recording = await make();
  mkdirSync(join(cacheFolder, 'matching'), { recursive: true });
  writeFileSync(file, encode(recording));
  return recording;
}

function digestOf(paths: readonly string[]): string {
  const files = paths.flatMap((path) =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .sort()
          .map((name) => join(path, name))
      : [path],
  );
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 8);
}
