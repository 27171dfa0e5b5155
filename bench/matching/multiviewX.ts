// MultiviewX: six overlapping synthetic cameras with pixels and calibration, through the stages as shipped. Used by
// ../identity/main.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelConfig } from '../../config/worker.ts';
import { decodeImage } from '../../functions/media/images.ts';
import type { MotRow } from '../accuracy/motFiles.ts';
import { readViews } from './annotatedViews.ts';
import { homographyOf } from './groundCalibration.ts';
import type { Recording } from './recording.ts';
import { openPipeline } from './stagePipeline.ts';

const cameras = ['C1', 'C2', 'C3', 'C4', 'C5', 'C6'];
const frameCount = 10;
const framesPerSecond = 2;
const start = 3_000_000;
const leastHeight = 40;

export async function recordMultiviewX(
  dataFolder: string,
  detector: ModelConfig,
  embedder: ModelConfig,
  stride: number,
): Promise<Recording> {
  const folder = join(dataFolder, 'multiviewx-mini');
  const pipeline = await openPipeline(cameras, detector, embedder);
  for (let index = 0; index < frameCount; index += stride) {
    for (const camera of cameras) {
      const file = join(folder, 'Image_subsets', camera, `${String(index).padStart(4, '0')}.jpg`);
      const image = await decodeImage(readFileSync(file));
      await pipeline.push(camera, index + 1, start + index / framesPerSecond, image);
    }
  }
  const calibrations = join(folder, 'calibrations');
  const ground = new Map(
    cameras.map((name, i) => [name, homographyOf(calibrations, 'intrinsic', `Camera${i + 1}`, 1)]),
  );
  return { name: `multiviewx 1/${stride}`, cameras, ground, ...(await pipeline.end()) };
}

/** Only people on the playground are annotated. */
export function multiviewXTruth(dataFolder: string): Map<string, MotRow[]> {
  return readViews(join(dataFolder, 'multiviewx-mini'), cameras, leastHeight);
}
