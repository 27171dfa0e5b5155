// Runs a detector over a video once, just as the detect stage does, and keeps what it found, so that tuning the tracker takes seconds.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ModelConfig } from '../../config/worker.ts';
import { describeColours } from '../../functions/detect/core/appearance.ts';
import type { SeenDetections } from '../../functions/detect/core/detections.ts';
import { selectDetections } from '../../functions/detect/core/nms.ts';
import { openDetector, type Detect } from '../../functions/media/inference.ts';
import { ensureModel } from '../../functions/media/models.ts';
import { resizeRgb, type RgbImage } from '../../functions/media/resize.ts';
import { openVideo } from '../../functions/media/video.ts';

/** The columns of the picture that one camera sees. */
export interface View {
  left: number;
  width: number;
}

interface StoredFrame {
  boxes: number[];
  scores: number[];
  appearance: number[];
}

/** What the detector finds in each frame of each view, one array per view. */
export async function detectVideo(
  videoPath: string,
  views: readonly View[],
  model: ModelConfig,
  cacheFolder: string,
): Promise<SeenDetections[][]> {
  const { sha256, input, nmsIou } = model;
  const key = JSON.stringify([
    4,
    basename(videoPath),
    statSync(videoPath).size,
    views,
    sha256,
    input,
    nmsIou,
  ]);
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 16);
  const cached = join(cacheFolder, 'detections', `${model.name}-${digest}.json`);
  if (!existsSync(cached)) {
    console.error(`accuracy: detecting in ${basename(videoPath)} with ${model.name}, once`);
    const found = await runDetector(videoPath, views, model);
    mkdirSync(join(cacheFolder, 'detections'), { recursive: true });
    writeFileSync(cached, JSON.stringify(found));
  }
  const stored = JSON.parse(readFileSync(cached, 'utf8')) as StoredFrame[][];
  return stored.map((frames) => frames.map(restore));
}

async function runDetector(
  videoPath: string,
  views: readonly View[],
  model: ModelConfig,
): Promise<StoredFrame[][]> {
  const detect = await openDetector(await ensureModel(model), model, 1);
  const found: StoredFrame[][] = views.map(() => []);
  for await (const frame of await openVideo(videoPath)) {
    for (const [k, view] of views.entries()) {
      const part = cutColumns(frame, view);
      const detections = await detectImage(detect, part, model);
      const appearance = describeColours(part.pixels, part, detections);
      found[k]!.push({
        boxes: rounded(detections.boxes.subarray(0, detections.count * 4), 2),
        scores: rounded(detections.scores.subarray(0, detections.count), 4),
        appearance: rounded(appearance, 3),
      });
    }
  }
  return found;
}

async function detectImage(detect: Detect, image: RgbImage, model: ModelConfig) {
  const input = await resizeRgb(image, model.input, model.input.resize);
  const { boxes, scores } = await detect(input.pixels);
  const options = model.nmsIou === undefined ? {} : { maxOverlap: model.nmsIou };
  return selectDetections(boxes, scores, input, image, options);
}

function cutColumns(image: RgbImage, { left, width }: View): RgbImage {
  if (left === 0 && width === image.width) return image;
  const pixels = new Uint8Array(width * image.height * 3);
  for (let y = 0; y < image.height; y++) {
    const from = (y * image.width + left) * 3;
    pixels.set(image.pixels.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height: image.height, pixels };
}

function restore(frame: StoredFrame): SeenDetections {
  return {
    boxes: Float32Array.from(frame.boxes),
    scores: Float32Array.from(frame.scores),
    appearance: Float32Array.from(frame.appearance),
    count: frame.scores.length,
  };
}

function rounded(values: Float32Array, digits: number): number[] {
  return Array.from(values, (value) => Number(value.toFixed(digits)));
}
