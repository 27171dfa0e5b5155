// Public detections in the shape that the tracker takes; apart from sequences.ts, so that tests need not load a model's runtime.
import type { SeenDetections } from '../../functions/detect/core/detections.ts';
import type { MotRow } from './motFiles.ts';

/** Rows of a MOT detection file as the tracker takes them, one entry per frame. */
export function packDetections(rows: readonly MotRow[], frameCount: number): SeenDetections[] {
  const frames: MotRow[][] = Array.from({ length: frameCount }, () => []);
  for (const row of rows) frames[row.frame - 1]?.push(row);
  return frames.map((found) => {
    found.sort((a, b) => b.confidence - a.confidence);
    return {
      boxes: Float32Array.from(
        found.flatMap(({ left, top, width, height }) => [left, top, left + width, top + height]),
      ),
      scores: Float32Array.from(found, (row) => row.confidence),
      count: found.length,
    };
  });
}
