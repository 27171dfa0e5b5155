// The annotations that WILDTRACK and MultiviewX share: who stands where in each of several overlapping views. Used by
// wildtrack.ts and multiviewX.ts.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MotRow } from '../accuracy/motFiles.ts';

export const imageSize = { width: 1920, height: 1080 };

interface Annotation {
  personID: number;
  views: { viewNum: number; xmin: number; ymin: number; xmax: number; ymax: number }[];
}

/** True boxes by camera, frames counted from 1; what is smaller than `leastHeight` pixels or out of view is left out. */
export function readViews(
  folder: string,
  cameras: readonly string[],
  leastHeight: number,
): Map<string, MotRow[]> {
  const truth = new Map<string, MotRow[]>(cameras.map((camera) => [camera, []]));
  const files = readdirSync(join(folder, 'annotations_positions')).sort();
  for (const [index, file] of files.entries()) {
    const people = JSON.parse(
      readFileSync(join(folder, 'annotations_positions', file), 'utf8'),
    ) as Annotation[];
    for (const { personID, views } of people) {
      for (const { viewNum, xmin, ymin, xmax, ymax } of views) {
        const camera = cameras[viewNum];
        if (camera === undefined || (xmin === -1 && xmax === -1)) continue;
        const left = Math.max(0, xmin);
        const top = Math.max(0, ymin);
        const width = Math.min(imageSize.width, xmax) - left;
        const height = Math.min(imageSize.height, ymax) - top;
        if (width < leastHeight / 4 || height < leastHeight) continue;
        truth.get(camera)!.push({ frame: index + 1, id: personID, left, top, width, height, confidence: 1 });
      }
    }
  }
  return truth;
}
