// The single-camera sequences of the accuracy benchmark: where detections and truth come from, and at what rate they were filmed.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelConfig } from '../../config/worker.ts';
import type { SeenDetections } from '../../functions/detect/core/detections.ts';
import type { TrackerOptions } from '../../functions/detect/core/trackerOptions.ts';
import { detectParts } from '../../functions/detect/options.ts';
import { detectVideo, type View } from './detectionCache.ts';
import { packDetections } from './packDetections.ts';
import { readMot, separateVisits, type MotRow } from './motFiles.ts';

export interface Sequence {
  /** `group:rest`, the group is scored as a whole too when it has several members. */
  name: string;
  framesPerSecond: number;
  /** One entry per frame. */
  detections: SeenDetections[];
  truth: MotRow[];
  /** Thresholds that belong to the detector. */
  tracker: Partial<TrackerOptions>;
}

const petsFramesPerSecond = 7;
const petsWidth = 768;
/** Leaving for longer than this makes a new visit in a half of the picture: what a tracker of one camera can know. */
const visitGapSeconds = 2;

/** The cameras that PETS09-S2L1 is used as: the whole picture, and its two halves on one clock. */
export const petsViews = {
  whole: { left: 0, width: petsWidth },
  left: { left: 0, width: petsWidth / 2 },
  right: { left: petsWidth / 2, width: petsWidth / 2 },
} satisfies Record<string, View>;

/** PETS09-S2L1 as one camera and as two, with a detector of our own. */
export async function petsSequences(
  dataFolder: string,
  model: ModelConfig,
  cacheFolder: string,
): Promise<Sequence[]> {
  const folder = join(dataFolder, 'pets09-s2l1');
  const views = Object.values(petsViews);
  const [whole, left, right] = await detectVideo(join(folder, 'vtest.avi'), views, model, cacheFolder);
  const { tracker } = detectParts(model, {});
  const common = { framesPerSecond: petsFramesPerSecond, tracker };
  const maxAbsentFrames = visitGapSeconds * petsFramesPerSecond;
  const visitsIn = (view: View) => separateVisits(petsTruth(dataFolder, view), maxAbsentFrames);
  return [
    { ...common, name: 'pets:whole', detections: whole!, truth: petsTruth(dataFolder, petsViews.whole) },
    { ...common, name: 'halves:left', detections: left!, truth: visitsIn(petsViews.left) },
    { ...common, name: 'halves:right', detections: right!, truth: visitsIn(petsViews.right) },
  ];
}

/** The boxes whose centre lies in the view, clipped to it, in its own coordinates, ids as in the whole picture. */
export function petsTruth(dataFolder: string, view: View): MotRow[] {
  return readMot(join(dataFolder, 'pets09-s2l1', 'gt', 'gt.txt'))
    .filter(({ left, width }) => {
      const centre = left + width / 2;
      return centre >= view.left && centre < view.left + view.width;
    })
    .map((row) => {
      const left = view.left > 0 ? Math.max(row.left, view.left) : row.left;
      const isCut = view.left + view.width < petsWidth;
      const right = isCut ? Math.min(row.left + row.width, view.left + view.width) : row.left + row.width;
      return { ...row, left: left - view.left, width: right - left };
    });
}

/** MOT15 training sequences with their public detections, which score 0.5 to 1. */
export function publicSequences(dataFolder: string): Sequence[] {
  const folder = join(dataFolder, 'mot15');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const info = readFileSync(join(folder, name, 'seqinfo.ini'), 'utf8');
      const field = (key: string) => Number(new RegExp(`${key}=(\\d+)`).exec(info)?.[1]);
      return {
        name: `mot15:${name}`,
        framesPerSecond: field('frameRate'),
        detections: packDetections(readMot(join(folder, name, 'det', 'det.txt')), field('seqLength')),
        truth: readMot(join(folder, name, 'gt', 'gt.txt')).filter((row) => row.confidence !== 0),
        tracker: { highScore: 0.6, birthScore: 0.7 },
      };
    });
}
