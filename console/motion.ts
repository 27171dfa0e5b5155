// Where everybody is at any moment, from the boxes that the server sent; live.tsx draws what it says.
import type { MotionView } from '../functions/console/types.ts';

/** Left, top, width, height as fractions of the picture. */
export interface Box {
  track: string;
  left: number;
  top: number;
  width: number;
  height: number;
}

interface Path {
  camera: string;
  track: string;
  times: number[];
  boxes: number[];
}

/** Boxes further apart in time are not joined: nobody knows where the person was, seconds. */
const longestGapS = 2.5;
/** How long a box stays when nothing follows, seconds. */
const staysS = 0.35;
const mostPaths = 4000;
const mostPoints = 20_000;

export class Motion {
  readonly #paths = new Map<string, Path>();
  #from = Infinity;
  #to = -Infinity;

  /** Media time of the first and the newest box, seconds; undefined while there is none. */
  get bounds(): { from: number; to: number } | undefined {
    return this.#to === -Infinity ? undefined : { from: this.#from, to: this.#to };
  }

  /** Points that are not newer than what is known of their track are left out, so that what comes twice counts once. */
  add(views: readonly MotionView[]): void {
    for (const { camera, track, times, boxes } of views) {
      const path = this.#pathOf(camera, track);
      let newest = path.times.at(-1) ?? -Infinity;
      for (const [index, time] of times.entries()) {
        if (time <= newest) continue;
        newest = time;
        path.times.push(time);
        path.boxes.push(...boxes.slice(index * 4, index * 4 + 4));
        this.#from = Math.min(this.#from, time);
        this.#to = Math.max(this.#to, time);
      }
      const excess = path.times.length - mostPoints;
      if (excess > 0) {
        path.times.splice(0, excess);
        path.boxes.splice(0, excess * 4);
      }
    }
    while (this.#paths.size > mostPaths) this.#paths.delete(this.#paths.keys().next().value!);
  }

  clear(): void {
    this.#paths.clear();
    this.#from = Infinity;
    this.#to = -Infinity;
  }

  /** Everybody whom the camera sees at `time`, between two boxes where they are to be expected. */
  at(camera: string, time: number): Box[] {
    const seen: Box[] = [];
    for (const path of this.#paths.values()) {
      if (path.camera !== camera) continue;
      const box = boxAt(path, time);
      if (box) seen.push(box);
    }
    return seen;
  }

  #pathOf(camera: string, track: string): Path {
    const key = `${camera} ${track}`;
    const known = this.#paths.get(key) ?? { camera, track, times: [], boxes: [] };
    this.#paths.set(key, known);
    return known;
  }
}

function boxAt({ track, times, boxes }: Path, time: number): Box | undefined {
  const after = firstAfter(times, time);
  const before = after - 1;
  if (before < 0) return undefined;
  const sinceS = time - times[before]!;
  const next = times[after];
  const spanS = next === undefined ? Infinity : next - times[before]!;
  if (spanS > longestGapS) return sinceS <= staysS ? boxOf(track, boxes, before) : undefined;
  const share = sinceS / spanS;
  const [a, b] = [boxOf(track, boxes, before), boxOf(track, boxes, after)];
  const mix = (from: number, to: number) => from + (to - from) * share;
  return {
    track,
    left: mix(a.left, b.left),
    top: mix(a.top, b.top),
    width: mix(a.width, b.width),
    height: mix(a.height, b.height),
  };
}

function boxOf(track: string, boxes: readonly number[], index: number): Box {
  const [left, top, width, height] = boxes.slice(index * 4, index * 4 + 4) as [
    number,
    number,
    number,
    number,
  ];
  return { track, left, top, width, height };
}

/** Index of the first time above `time`. */
function firstAfter(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
