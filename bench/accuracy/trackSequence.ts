// Runs the tracker over one sequence at a given rate and gives what it reported as MOT rows.
import { createTracker, step } from '../../functions/detect/core/tracker.ts';
import type { TrackerOptions } from '../../functions/detect/core/trackerOptions.ts';
import type { MotRow } from './motFiles.ts';
import type { Sequence } from './sequences.ts';

/** Tracks every `stride`-th frame on the media clock; frames are renumbered 1, 2, 3... */
export function trackSequence(
  sequence: Pick<Sequence, 'framesPerSecond' | 'detections' | 'tracker'>,
  stride: number,
  options: Partial<TrackerOptions>,
): MotRow[] {
  const state = createTracker({ ...sequence.tracker, ...options });
  const rows: MotRow[] = [];
  for (let index = 0, frame = 1; index < sequence.detections.length; index += stride, frame++) {
    const { tracks } = step(state, sequence.detections[index]!, index / sequence.framesPerSecond);
    for (const { id, box, score, lost } of tracks) {
      if (lost) continue;
      const [left, top, right, bottom] = box;
      rows.push({ frame, id, left, top, width: right - left, height: bottom - top, confidence: score });
    }
  }
  return rows;
}
