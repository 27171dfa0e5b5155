// Turns a stream's own time into seconds since the epoch, for camera.ts: strictly increasing over reconnects and jumps.

/** Stream and wall clock may part so far before the stream's time is taken as broken, seconds. */
const largestDriftS = 5;
/** Least distance of two frames, seconds. */
const leastStepS = 0.001;

export interface MediaClock {
  /**
   * @param streamS seconds from the start of the stream
   * @param wallS seconds since the epoch, now
   */
  at(streamS: number, wallS: number): number;
}

/** A recording: its first frame was taken at `startTime`; how fast it is read does not matter. */
export function createFileClock(startTime: number): MediaClock {
  return { at: (streamS) => startTime + streamS };
}

/**
 * A camera: the stream's times, counted from the wall clock at its first frame. Where the two part (the camera's clock
 * is set, a buffer bursts) it starts again from the wall clock.
 */
export function createLiveClock(last = -Infinity): MediaClock {
  let origin: number | undefined;
  return {
    at(streamS, wallS) {
      origin ??= wallS - streamS;
      if (Math.abs(origin + streamS - wallS) > largestDriftS) origin = wallS - streamS;
      last = Math.max(origin + streamS, last + leastStepS);
      return last;
    },
  };
}
