// Our own tracker over the sequences that the Python peers get, for main.ts: alone in a process, so that its memory and time are its own.
import { createTracker, step } from '../../functions/detect/core/tracker.ts';
import type { MotRow } from '../accuracy/motFiles.ts';
import type { Sequence } from '../accuracy/sequences.ts';
import type { TrackerRun } from './peers.ts';

/**
 * Every `stride`-th frame; the time counts the tracker's own call alone, as with the peers.
 * @param passes how often over all sequences, each time with a new tracker; the time is of all
 */
export function runOurs(sequences: readonly Sequence[], stride: number, passes = 1): TrackerRun {
  let seconds = 0;
  let frames = 0;
  const rows = new Map<string, MotRow[]>();
  const all = Array.from({ length: passes }, () => sequences).flat();
  for (const { name, detections, framesPerSecond, tracker } of all) {
    const state = createTracker(tracker);
    const own: MotRow[] = [];
    for (let index = 0; index < detections.length; index += stride) {
      const start = performance.now();
      const { tracks } = step(state, detections[index]!, index / framesPerSecond);
      seconds += (performance.now() - start) / 1000;
      frames += 1;
      for (const { id, box, score, lost } of tracks) {
        if (lost) continue;
        const [left, top, right, bottom] = box;
        const frame = index / stride + 1;
        own.push({ frame, id, left, top, width: right - left, height: bottom - top, confidence: score });
      }
    }
    rows.set(name, own);
  }
  return { seconds, frames, residentBytes: process.memoryUsage.rss(), rows };
}
