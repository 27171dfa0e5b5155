// The single-camera sequences of the accuracy benchmark: where detections and truth come from, and at what rate they were filmed.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SeenDetections } from '../../functions/detect/core/association.ts';
import type { ImageSize } from '../../functions/detect/core/detections.ts';
import { detectVideo, type DetectorSetup, type View } from './detection-cache.ts';
import { readMot, type MotRow } from './mot-files.ts';

export interface Sequence {
  /** `group:rest`, the group is scored as a whole too when it has several members. */
  name: string;
  framesPerSecond: number;
  image: ImageSize;
  /** One entry per frame. */
  detections: SeenDetections[];
  truth: MotRow[];
}

const petsFramesPerSecond = 7;
const petsSize: ImageSize = { width: 768, height: 576 };
const seam = petsSize.width / 2;

/** PETS09-S2L1 whole, and cut into two cameras, with a detector of our own. */
export async function petsSequences(dataFolder: string, setup: DetectorSetup, cacheFolder: string): Promise<Sequence[]> {
  const folder = join(dataFolder, 'pets09-s2l1');
  const truth = readMot(join(folder, 'gt', 'gt.txt'));
  const views: Record<string, View> = {
    'pets:whole': { left: 0, width: petsSize.width },
    'split:left': { left: 0, width: seam },
    'split:right': { left: seam, width: seam },
  };
  const found = await detectVideo(join(folder, 'vtest.avi'), Object.values(views), setup, cacheFolder);
  return Object.entries(views).map(([name, view], k) => ({
    name,
    framesPerSecond: petsFramesPerSecond,
    image: { width: view.width, height: petsSize.height },
    detections: found[k]!,
    truth: view.width === petsSize.width ? truth : clipTruth(truth, view),
  }));
}

/** The boxes whose centre lies in the view, clipped to it, in its own coordinates. */
export function clipTruth(truth: readonly MotRow[], view: View): MotRow[] {
  return truth
    .filter(({ left, width }) => {
      const centre = left + width / 2;
      return centre >= view.left && centre < view.left + view.width;
    })
    .map((row) => {
      const left = Math.max(row.left, view.left);
      const right = Math.min(row.left + row.width, view.left + view.width);
      return { ...row, left: left - view.left, width: right - left };
    });
}

/** MOT15 training sequences with their public detections. */
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
        image: { width: field('imWidth'), height: field('imHeight') },
        detections: packDetections(readMot(join(folder, name, 'det', 'det.txt')), field('seqLength')),
        truth: readMot(join(folder, name, 'gt', 'gt.txt')).filter((row) => row.confidence !== 0),
      };
    });
}

function packDetections(rows: readonly MotRow[], frameCount: number): SeenDetections[] {
  const frames: MotRow[][] = Array.from({ length: frameCount }, () => []);
  for (const row of rows) frames[row.frame - 1]?.push(row);
  return frames.map((found) => {
    found.sort((a, b) => b.confidence - a.confidence);
    return {
      boxes: Float32Array.from(found.flatMap(({ left, top, width, height }) => [left, top, left + width, top + height])),
      scores: Float32Array.from(found, (row) => row.confidence),
      count: found.length,
    };
  });
}
