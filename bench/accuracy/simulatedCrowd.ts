// Crowded cameras at 2 frames/s for the accuracy benchmark: the truth of three WILDTRACK cameras, seen by a made-up detector, since
// the set has no pixels here. It judges association at low rates, not detection.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { intersection } from '../../functions/detect/core/boxes.ts';
import type { SeenDetections } from '../../functions/detect/core/detections.ts';
import type { MotRow } from './motFiles.ts';
import type { Sequence } from './sequences.ts';

const cameras = [0, 4, 6];
const image = { width: 1920, height: 1080 };
const smallest = { width: 10, height: 30 };

interface Annotation {
  personID: number;
  views: { viewNum: number; xmin: number; xmax: number; ymin: number; ymax: number }[];
}

/** Gives the same detections on every call. */
export function crowdSequences(dataFolder: string): Sequence[] {
  const folder = join(dataFolder, 'wildtrack', 'annotations_positions');
  if (!existsSync(folder)) return [];
  const frames = readdirSync(folder)
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Annotation[]);
  return cameras.map((camera) => {
    const random = createRandom(camera + 1);
    const truth = frames.map((people, k) => visiblePeople(people, camera, k + 1));
    const detections = truth.map((people) => simulateDetector(people, random));
    return {
      name: `crowd:wildtrack-${camera + 1}`,
      framesPerSecond: 2,
      detections,
      truth: truth.flat(),
      tracker: {},
    };
  });
}

function visiblePeople(people: readonly Annotation[], camera: number, frame: number): MotRow[] {
  return people.flatMap(({ personID, views }) => {
    const view = views.find(({ viewNum }) => viewNum === camera);
    if (view === undefined || view.xmax < 0) return [];
    const left = Math.max(0, view.xmin);
    const top = Math.max(0, view.ymin);
    const width = Math.min(image.width, view.xmax) - left;
    const height = Math.min(image.height, view.ymax) - top;
    if (width < smallest.width || height < smallest.height) return [];
    return [{ frame, id: personID, left, top, width, height, confidence: 1 }];
  });
}

/** Jitters boxes, scores the covered ones lower, misses the hidden ones, and invents up to two a frame. */
function simulateDetector(people: readonly MotRow[], random: () => number): SeenDetections {
  const noise = () => (random() + random() + random() + random() - 2) * Math.sqrt(3);
  const found: { box: number[]; score: number }[] = [];
  const boxes = people.flatMap(({ left, top, width, height }) => [left, top, left + width, top + height]);
  people.forEach((person, k) => {
    const covered = coveredShare(people, boxes, k);
    const score = Math.min(0.97, 0.85 - 0.8 * covered + 0.12 * noise() - (random() < 0.05 ? 0.4 : 0));
    const jitter = 0.03 * person.height;
    const box = boxes
      .slice(k * 4, k * 4 + 4)
      .map((side, axis) => side + jitter * noise() * (axis % 2 === 0 ? 0.6 : 1));
    if (covered <= 0.75 && score >= 0.1) found.push({ box, score });
  });
  for (let invented = Math.floor(random() * 3); invented > 0; invented--) {
    const left = random() * 0.9 * image.width;
    const top = random() * 0.7 * image.height;
    const height = 80 + random() * 200;
    found.push({ box: [left, top, left + 0.4 * height, top + height], score: 0.1 + 0.5 * random() });
  }
  found.sort((a, b) => b.score - a.score);
  return {
    boxes: Float32Array.from(found.flatMap(({ box }) => box)),
    scores: Float32Array.from(found, ({ score }) => score),
    count: found.length,
  };
}

/** Largest share of a person that someone nearer to the camera hides. */
function coveredShare(people: readonly MotRow[], boxes: readonly number[], index: number): number {
  const { width, height } = people[index]!;
  let most = 0;
  people.forEach((_, other) => {
    const isNearer = boxes[other * 4 + 3]! > boxes[index * 4 + 3]!;
    if (isNearer) most = Math.max(most, intersection(boxes, index, boxes, other) / (width * height));
  });
  return most;
}

function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
