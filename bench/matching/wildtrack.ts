// WILDTRACK: seven real overlapping cameras, annotated, without pixels. Where people walk is real; what they look like is
// drawn from real people of Market-1501, each camera with the looks of one camera there. Used by ../identity/main.ts.
import { join } from 'node:path';
import type { Crop, Tracklet, TracksData } from '../../config/events.ts';
import {
  defaultTrackletOptions,
  emptyCamera,
  endAll,
  observe,
} from '../../functions/embed/core/tracklets.ts';
import type { MotRow } from '../accuracy/motFiles.ts';
import { imageSize, readViews } from './annotatedViews.ts';
import { homographyOf } from './groundCalibration.ts';
import type { Recording } from './recording.ts';

const cameras = ['CVLab1', 'CVLab2', 'CVLab3', 'CVLab4', 'IDIAP1', 'IDIAP2', 'IDIAP3'];
const framesPerSecond = 2;
const start = 2_000_000;
const leastHeight = 60;
/** A person out of a view for more frames than this makes a new track there. */
const trackGapFrames = 3;
const cropEveryS = 2;

/** Person -> camera of Market-1501 -> vectors. */
type Looks = Map<string, Map<string, Float32Array[]>>;
type LookOf = (person: number, turn: number) => Float32Array;

/** @param market whose people lend their looks @param stride every how manyth frame is seen */
export function recordWildtrack(dataFolder: string, market: Recording, stride: number): Recording {
  const folder = join(dataFolder, 'wildtrack');
  const truth = readViews(folder, cameras, leastHeight);
  const looks = looksOf(market);
  const lenders = [...looks.keys()].sort();
  const borrowers = [...new Set([...truth.values()].flat().map(({ id }) => id))].sort((a, b) => a - b);
  const lenderOf = new Map(borrowers.map((id, i) => [id, lenders[i % lenders.length]!]));
  const { model, dimensions } = market.arrivals[0]!.data;
  const recording: Recording = { name: `wildtrack 1/${stride}`, cameras, arrivals: [], people: new Map() };
  for (const [view, camera] of cameras.entries()) {
    const lookOf: LookOf = (person, turn) => {
      const own = looks.get(lenderOf.get(person)!)!;
      const vectors = own.get(String((view % 6) + 1)) ?? [...own.values()].flat();
      return vectors[turn % vectors.length]!;
    };
    recordView(recording, camera, truth.get(camera)!, stride, { model, dimensions }, lookOf);
  }
  recording.arrivals.sort((a, b) => a.time - b.time || (a.data.camera < b.data.camera ? -1 : 1));
  const calibrations = join(folder, 'calibrations');
  recording.ground = new Map(
    cameras.map((name) => [name, homographyOf(calibrations, 'intrinsic_zero', name, 0.01)]),
  );
  return recording;
}

/** One camera's perfect tracks, summed up as the embed stage does. */
function recordView(
  recording: Recording,
  camera: string,
  rows: readonly MotRow[],
  stride: number,
  { model, dimensions }: { model: string; dimensions: number },
  lookOf: LookOf,
): void {
  const byFrame = new Map<number, MotRow[]>();
  for (const row of rows) {
    if ((row.frame - 1) % stride !== 0) continue;
    byFrame.set(row.frame, [...(byFrame.get(row.frame) ?? []), row]);
  }
  const state = emptyCamera('w');
  /** By person: the track, its newest frame, its newest crop and how many there were. */
  const open = new Map<number, { id: number; frame: number; cropTime: number; crops: number }>();
  let ids = 0;
  const take = (time: number, tracklets: Tracklet[]) => {
    if (tracklets.length > 0)
      recording.arrivals.push({ time, data: { camera, model, dimensions, image: imageSize, tracklets } });
  };
  let time = start;
  for (const [frame, present] of [...byFrame].sort(([a], [b]) => a - b)) {
    time = start + frame / framesPerSecond;
    const ended: number[] = [];
    for (const [person, track] of open) {
      if (frame - track.frame <= Math.max(trackGapFrames, stride)) continue;
      ended.push(track.id);
      open.delete(person);
    }
    const crops: Crop[] = [];
    const vectors: number[] = [];
    const seen: number[] = [];
    for (const { id: person } of present) {
      let track = open.get(person);
      if (!track) open.set(person, (track = { id: ++ids, frame, cropTime: -Infinity, crops: 0 }));
      track.frame = frame;
      seen.push(track.id);
      recording.people!.set(`${camera}/w.${track.id}`, String(person));
      if (time - track.cropTime < cropEveryS) continue;
      track.cropTime = time;
      vectors.push(...lookOf(person, track.crops++));
      crops.push({ track: track.id, quality: 0.8, time, width: 1, height: 1, pixels: new Uint8Array(3) });
    }
    const tracks: TracksData = {
      camera,
      session: 'w',
      sequence: frame,
      time,
      ...imageSize,
      ids: Uint32Array.from(seen),
      boxes: Float32Array.from(present.flatMap((b) => [b.left, b.top, b.left + b.width, b.top + b.height])),
      scores: new Float32Array(present.length).fill(0.9),
      ended: Uint32Array.from(ended),
      crops,
    };
    take(time, observe(state, tracks, Float32Array.from(vectors), dimensions, defaultTrackletOptions));
  }
  take(time, endAll(state, defaultTrackletOptions));
}

function looksOf(market: Recording): Looks {
  const looks: Looks = new Map();
  for (const { data } of market.arrivals) {
    for (const { track, prototypes } of data.tracklets) {
      const person = market.people!.get(`${data.camera}/${track}`)!;
      const byCamera = looks.get(person) ?? new Map<string, Float32Array[]>();
      looks.set(person, byCamera);
      for (const { vector, scale } of prototypes) {
        const look = Float32Array.from(vector, (value) => value * scale);
        byCamera.set(data.camera, [...(byCamera.get(data.camera) ?? []), look]);
      }
    }
  }
  return looks;
}
