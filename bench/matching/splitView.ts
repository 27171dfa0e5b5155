// Two real cameras out of one video: PETS09-S2L1 cut at x = 384, both halves on one clock, through the stages as shipped.
import { join } from 'node:path';
import type { ModelConfig } from '../../config/worker.ts';
import { openVideo } from '../../functions/media/video.ts';
import { petsViews } from '../accuracy/sequences.ts';
import { cropColumns } from './columns.ts';
import type { Recording } from './recording.ts';
import { openPipeline } from './stagePipeline.ts';

const framesPerSecond = 7;
const start = 1_000_000;
export const splitCameras = ['left', 'right'] as const;

/** Every `stride`-th frame; frames are counted as in the whole video, from 1. */
export async function recordSplitView(
  dataFolder: string,
  detector: ModelConfig,
  embedder: ModelConfig,
  stride: number,
): Promise<Recording> {
  const pipeline = await openPipeline(splitCameras, detector, embedder);
  for await (const { pixels, width, height, index } of await openVideo(
    join(dataFolder, 'pets09-s2l1', 'vtest.avi'),
  )) {
    if (index % stride !== 0) continue;
    for (const camera of splitCameras) {
      const part = cropColumns({ pixels, width, height }, petsViews[camera]);
      await pipeline.push(camera, index + 1, start + index / framesPerSecond, part);
    }
  }
  return { name: `split view 1/${stride}`, cameras: [...splitCameras], ...(await pipeline.end()) };
}
