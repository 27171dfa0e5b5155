// Market-1501 crops replayed as six camera streams: crops of a person close in time are one track of that camera.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tracklet, TrackletsData } from '../../config/events.ts';
import type { ModelConfig } from '../../config/worker.ts';
import { addVector, takeNews, type Slot } from '../../functions/embed/core/prototypes.ts';
import { defaultTrackletOptions } from '../../functions/embed/core/tracklets.ts';
import { quantize } from '../../config/quantize.ts';
import { decodeImage } from '../../functions/media/images.ts';
import { openEmbedder } from '../../functions/media/inference.ts';
import { ensureModel } from '../../functions/media/models.ts';
import { resizeRgb } from '../../functions/media/resize.ts';
import { cachedRecording, type Arrival, type Recording } from './recording.ts';

interface Row {
  camera: string;
  sequence: number;
  frame: number;
  person: string;
  path: string;
}

const framesPerSecond = 25;
/** Sequences were filmed one after the other; how long after is not known. */
const sequenceS = 20_000;
/** A person not seen by a camera for longer makes a new track there. */
const trackGapS = 8;

/** The same from the cache, where it is kept. */
export function marketRecording(
  dataFolder: string,
  cacheFolder: string,
  embedder: ModelConfig,
  stride: number,
): Promise<Recording> {
  const madeBy = [import.meta.url, new URL('../../functions/embed/core', import.meta.url)];
  return cachedRecording(
    cacheFolder,
    `market-${embedder.name}-${stride}`,
    madeBy.map((each) => fileURLToPath(each)),
    () => recordMarket(dataFolder, embedder, stride),
  );
}

/** All crops, embedded once. @param stride every how manyth picture of a track is seen */
async function recordMarket(dataFolder: string, embedder: ModelConfig, stride: number): Promise<Recording> {
  const folder = join(dataFolder, 'market1501-dev');
  const rows = readFileSync(join(folder, 'events.csv'), 'utf8').trim().split(/\r?\n/).slice(1).map(readRow);
  const embed = await openEmbedder(await ensureModel(embedder), embedder, 1);
  const dimensions = embedder.dimensions!;
  const people = new Map<string, string>();
  const arrivals: Arrival[] = [];
  for (const [index, all] of tracksOf(rows).entries()) {
    const crops = all.filter((_, i) => i % stride === 0);
    const vectors: Float32Array[] = [];
    for (const { path } of crops) {
      const image = await decodeImage(readFileSync(join(folder, path)));
      const input = await resizeRgb(image, embedder.input, 'stretch');
      vectors.push((await embed(input.pixels, 1)).slice());
    }
    const { camera, person } = crops[0]!;
    const track = `m.${index + 1}`;
    people.set(`${camera}/${track}`, person);
    arrivals.push(...revisions(track, camera, crops, vectors, dimensions, embedder));
  }
  arrivals.sort((a, b) => a.time - b.time);
  return { name: 'market', cameras: ['1', '2', '3', '4', '5', '6'], arrivals, people };
}

/** The same recording with only some of its people. */
export function withPeople(recording: Recording, name: string, keep: (person: string) => boolean): Recording {
  const people = new Map([...recording.people!].filter(([, person]) => keep(person)));
  const arrivals = recording.arrivals.filter(({ data }) =>
    people.has(`${data.camera}/${data.tracklets[0]!.track}`),
  );
  return { ...recording, name, people, arrivals };
}

function readRow(line: string): Row {
  const [camera, sequence, frame, person, path] = line.split(',');
  return { camera: camera!, sequence: Number(sequence), frame: Number(frame), person: person!, path: path! };
}

function timeOf({ sequence, frame }: Row): number {
  return sequence * sequenceS + frame / framesPerSecond;
}

function tracksOf(rows: Row[]): Row[][] {
  const lines = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.camera} ${row.sequence} ${row.person}`;
    const line = lines.get(key);
    if (line) line.push(row);
    else lines.set(key, [row]);
  }
  const tracks: Row[][] = [];
  for (const line of lines.values()) {
    line.sort((a, b) => a.frame - b.frame);
    let track: Row[] = [];
    for (const row of line) {
      if (track.length > 0 && timeOf(row) - timeOf(track.at(-1)!) > trackGapS) {
        tracks.push(track);
        track = [];
      }
      track.push(row);
    }
    tracks.push(track);
  }
  return tracks;
}

/** A start with the first crop and an end with all of them, as embed would send. */
function revisions(
  track: string,
  camera: string,
  crops: Row[],
  vectors: Float32Array[],
  dimensions: number,
  embedder: ModelConfig,
): Arrival[] {
  const joinSimilarity = (1 + (embedder.sameThreshold ?? 0.5)) / 2;
  const options = { ...defaultTrackletOptions.prototypes, joinSimilarity };
  const slots: Slot[] = [];
  const from = timeOf(crops[0]!);
  const event = (phase: Tracklet['phase'], revision: number, count: number): Arrival => {
    const to = timeOf(crops[count - 1]!);
    const prototypes = slots.flatMap((slot, i) => {
      const vector = takeNews(slot, options);
      const { quality, time, weight } = slot;
      return vector ? [{ slot: i, ...quantize(vector), quality, time, weight }] : [];
    });
    const path = new Float32Array(0);
    const tracklet: Tracklet = { track, phase, revision, from, to, observations: count, path, prototypes };
    const image = { width: 1920, height: 1080 };
    const data: TrackletsData = { camera, model: embedder.sha256, dimensions, image, tracklets: [tracklet] };
    return { time: phase === 'end' ? to + 2 : to, data };
  };
  const add = (i: number) => addVector(slots, vectors[i]!, 0, dimensions, 0.8, timeOf(crops[i]!), options);
  add(0);
  const first = event('start', 1, 1);
  for (let i = 1; i < crops.length; i++) add(i);
  return [first, event('end', 2, crops.length)];
}
