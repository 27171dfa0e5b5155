// Which moments of a camera a task asks for. camera.ts and handler.ts ask for every frame.
import type { TimingOptions } from '../../../config/worker.ts';

export interface TimeWindow {
  /** Whether the moment comes before all that is asked for. */
  isEarly(time: number): boolean;
  /** Whether nothing of this moment and later is asked for. */
  isOver(time: number): boolean;
  /** Whether only recordings are asked for. */
  onlyRecordings: boolean;
}

/** Times in seconds since the epoch; both ends belong to the window. @param timing absent: all of it is asked for */
export function timeWindow(timing: TimingOptions | undefined): TimeWindow {
  const { startS = -Infinity, endS = Infinity } = timing?.window ?? {};
  return {
    isEarly: (time) => time < startS,
    isOver: (time) => time > endS,
    onlyRecordings: timing?.mode === 'History',
  };
}
