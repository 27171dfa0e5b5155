// A million frames through one tracker, for main.ts: started with --expose-gc in a process of its own, prints a line of JSON for each tenth.
// Arguments: data folder, frames.
import { publicSequences } from '../accuracy/sequences.ts';
import { createTracker, step } from '../../functions/detect/core/tracker.ts';

export interface SoakPoint {
  frames: number;
  heapBytes: number;
  arrayBytes: number;
  residentBytes: number;
  tracks: number;
  lastId: number;
}

const [dataFolder, frameCount] = process.argv.slice(2) as [string, string];
const total = Number(frameCount);
const collect = globalThis.gc;
if (collect === undefined) throw new Error('soak.ts: start it with --expose-gc');

const clips = publicSequences(dataFolder);
const state = createTracker();
let done = 0;
let timeSeconds = 0;
for (let clip = 0; done < total; clip = (clip + 1) % clips.length) {
  const { detections, framesPerSecond } = clips[clip]!;
  for (let index = 0; index < detections.length && done < total; index++) {
    step(state, detections[index]!, (timeSeconds += 1 / framesPerSecond));
    if (++done % (total / 10) === 0) report();
  }
}

function report(): void {
  collect!();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const point: SoakPoint = {
    frames: done,
    heapBytes: heapUsed,
    arrayBytes: arrayBuffers,
    residentBytes: rss,
    tracks: state.live,
    lastId: state.lastId,
  };
  console.log(JSON.stringify(point));
}
