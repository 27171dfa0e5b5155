// A made-up site for the matcher's tests: people with an appearance each walk from camera to camera.
import {
  eventTypes,
  type StageEvent,
  type StreamData,
  type Tracklet,
  type TrackletsData,
} from '../../../config/events.ts';
import type {} from '../../../config/events.ts';
import type { Context } from '../../../functions/function.ts';

const dimensions = 32;
export const start = 1_700_000_000;

/** A repeatable source of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

export interface World {
  cameras: string[];
  /** Events of each camera in its order, ended by its stream event. */
  lines: Map<string, StageEvent[]>;
  /** `camera/track` -> person */
  truth: Map<string, number>;
}

/** People who each visit several cameras, one after the other; `noise` blurs their appearance from track to track. */
export function makeWorld(seed: number, people: number, cameraCount: number, noise: number): World {
  const next = random(seed);
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const cameras = Array.from({ length: cameraCount }, (_, i) => `camera-${i}`);
  const all: { camera: string; time: number; tracklet: Tracklet }[] = [];
  const truth = new Map<string, number>();
  let tracks = 0;
  for (let person = 0; person < people; person++) {
    const look = Float64Array.from({ length: dimensions }, gaussian);
    let time = start + next() * people * 4;
    for (let visit = 0; visit < 3; visit++) {
      const camera = cameras[Math.floor(next() * cameraCount)]!;
      const track = `s.${++tracks}`;
      truth.set(`${camera}/${track}`, person);
      const from = time;
      const seconds = 3 + next() * 8;
      let revision = 0;
      for (const phase of ['start', 'update', 'end'] as const) {
        const share = { start: 0.1, update: 0.6, end: 1 }[phase];
        const vector = quantized(look.map((value) => value + noise * gaussian()));
        all.push({
          camera,
          time: from + seconds * share + (phase === 'end' ? 2 : 0),
          tracklet: {
            track,
            phase,
            revision: ++revision,
            from,
            to: from + seconds * share,
            observations: revision * 5,
            path: new Float32Array(0),
            prototypes: [
              { slot: revision - 1, ...vector, quality: 0.8, time: from + seconds * share, weight: 1 },
            ],
          },
        });
      }
      time += seconds + 4 + next() * 10;
    }
  }
  all.sort((a, b) => a.time - b.time);
  const lines = new Map<string, StageEvent[]>(cameras.map((camera) => [camera, []]));
  all.forEach(({ camera, time, tracklet }, i) =>
    lines.get(camera)!.push(trackletsEvent(camera, `e${i}`, time, [tracklet])),
  );
  for (const camera of cameras) lines.get(camera)!.push(endedEvent(camera));
  return { cameras, lines, truth };
}

function quantized(values: Float64Array): { vector: Int8Array; scale: number } {
  const norm = Math.hypot(...values);
  const largest = Math.max(...values.map(Math.abs));
  return {
    vector: Int8Array.from(values, (value) => Math.round((value / largest) * 127)),
    scale: largest / 127 / norm,
  };
}

export function trackletsEvent(
  camera: string,
  id: string,
  time: number,
  tracklets: Tracklet[],
): StageEvent<TrackletsData> {
  const data = { camera, model: 'digest', dimensions, image: { width: 640, height: 480 }, tracklets };
  return {
    id,
    source: `/embed/${camera}`,
    type: eventTypes.tracklets,
    time: new Date(time * 1000).toISOString(),
    partitionkey: camera,
    data,
  };
}

export function endedEvent(camera: string): StageEvent<StreamData> {
  const data: StreamData = { camera, state: 'ended', time: start + 1e6 };
  return { id: 'ended', source: `/embed/${camera}`, type: eventTypes.stream, partitionkey: camera, data };
}

/** All events in a random order that keeps each camera's own. `bias` > 0 lets some cameras run far ahead. */
export function interleave(world: World, next: () => number, bias: number): StageEvent[] {
  const heads = world.cameras.map((camera) => ({
    events: world.lines.get(camera)!,
    at: 0,
    pace: Math.exp(bias * next()),
  }));
  const out: StageEvent[] = [];
  for (;;) {
    const left = heads.filter((head) => head.at < head.events.length);
    if (left.length === 0) return out;
    let pick = next() * left.reduce((sum, head) => sum + head.pace, 0);
    const head = left.find((candidate) => (pick -= candidate.pace) < 0) ?? left[0]!;
    out.push(head.events[head.at++]!);
  }
}

/** Pairs of tracks: how many that share an identity share a person, and the other way round. */
export function pairScores(belief: ReadonlyMap<string, string>, truth: ReadonlyMap<string, number>) {
  const keys = [...truth.keys()];
  let [both, together, same] = [0, 0, 0];
  for (let i = 0; i < keys.length; i++) {
    for (let j = i + 1; j < keys.length; j++) {
      const found = belief.get(keys[i]!) === belief.get(keys[j]!);
      const real = truth.get(keys[i]!) === truth.get(keys[j]!);
      if (found) together += 1;
      if (real) same += 1;
      if (found && real) both += 1;
    }
  }
  return { precision: both / Math.max(1, together), recall: both / Math.max(1, same) };
}

/** A host that collects what is emitted; its clock stands still until moved. */
export function testContext(): Context & { emitted: StageEvent[]; clockMs: number } {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const context = {
    emitted: [] as StageEvent[],
    clockMs: 1_700_000_000_000,
    emit: async (event: StageEvent) => void context.emitted.push(event),
    log,
    now: () => context.clockMs,
    signal: new AbortController().signal,
  };
  return context;
}
