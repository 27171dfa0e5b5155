// Runs a detector over a video once and keeps what it found, so that tuning the tracker takes seconds.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { describeColours } from '../../functions/detect/core/appearance.ts';
import { selectDetections } from '../../functions/detect/core/nms.ts';
import type { SeenDetections } from '../../functions/detect/core/association.ts';
import { cutColumns, decodeFrames, type RawFrame } from './video-frames.ts';

export interface DetectorSetup {
  modelPath: string;
  height: number;
  width: number;
  maxOverlap: number;
  /** Keeps the aspect ratio, anchored at the top left on grey; otherwise the image is stretched. */
  letterbox: boolean;
}

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
  setup: DetectorSetup,
  cacheFolder: string,
): Promise<SeenDetections[][]> {
  const { size } = statSync(videoPath);
  const key = JSON.stringify([2, basename(videoPath), size, views, { ...setup, modelPath: basename(setup.modelPath) }]);
  const cached = join(cacheFolder, 'detections', `${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`);
  if (!existsSync(cached)) {
    console.error(`accuracy: detecting in ${basename(videoPath)} with ${basename(setup.modelPath)}, once`);
    const found = await runDetector(videoPath, views, setup);
    mkdirSync(join(cacheFolder, 'detections'), { recursive: true });
    writeFileSync(cached, JSON.stringify(found));
  }
  const stored = JSON.parse(readFileSync(cached, 'utf8')) as StoredFrame[][];
  return stored.map((frames) => frames.map(restore));
}

async function runDetector(videoPath: string, views: readonly View[], setup: DetectorSetup): Promise<StoredFrame[][]> {
  const session = await InferenceSession.create(setup.modelPath, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const found: StoredFrame[][] = views.map(() => []);
  for await (const frame of decodeFrames(videoPath)) {
    for (const [k, view] of views.entries()) {
      const part = cutColumns(frame, view.left, view.width);
      const detections = await detectFrame(session, part, setup);
      const appearance = describeColours(part.rgb, part, detections);
      found[k]!.push({
        boxes: rounded(detections.boxes.subarray(0, detections.count * 4), 2),
        scores: rounded(detections.scores.subarray(0, detections.count), 4),
        appearance: rounded(appearance, 3),
      });
    }
  }
  await session.release();
  return found;
}

async function detectFrame(session: InferenceSession, frame: RawFrame, setup: DetectorSetup) {
  const { width, height } = setup;
  const ratio = Math.min(width / frame.width, height / frame.height);
  const scale = setup.letterbox
    ? { scaleX: ratio, scaleY: ratio }
    : { scaleX: width / frame.width, scaleY: height / frame.height };
  const image = sharp(frame.rgb, { raw: { width: frame.width, height: frame.height, channels: 3 } });
  const pixels = await image
    .resize(width, height, {
      fit: setup.letterbox ? 'contain' : 'fill',
      position: 'left top',
      background: { r: 114, g: 114, b: 114 },
      kernel: 'linear',
    })
    .raw()
    .toBuffer();
  const input = new Tensor('uint8', new Uint8Array(pixels), [1, height, width, 3]);
  const output = await session.run({ image: input });
  return selectDetections(output['boxes']!.data as Float32Array, output['scores']!.data as Float32Array, scale, frame, {
    maxOverlap: setup.maxOverlap,
  });
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
