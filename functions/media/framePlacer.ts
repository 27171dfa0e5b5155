// Says for videoReader.ts which frame of the stream a picture is, when it was taken, and whether the fps limit wants it.
import { createFrameGate, type FrameGate } from './frameGate.ts';

export interface PlacedPicture {
  /** 0-based. */
  index: number;
  /** Seconds from the start of the stream, strictly increasing. */
  time: number;
  wanted: boolean;
}

export interface FramePlacerOptions {
  /** Length of a tick of the stream's timestamps. */
  secondsPerTick: number;
  /** Usual distance of two frames, seconds. */
  frameInterval: number;
  /** Timestamp of the start; absent: that of the first picture. */
  startTicks: bigint | undefined;
  /** RTP streams begin with pictures that no clock has reached yet: true leaves them out. */
  skipUntimed: boolean;
  /** Absent: all pictures are wanted. */
  fps: number | undefined;
}

export class FramePlacer {
  readonly #options: FramePlacerOptions;
  readonly #gate: FrameGate;
  #origin: number | undefined;
  #lastTime = -Infinity;
  #count = 0;

  constructor(options: FramePlacerOptions) {
    this.#options = options;
    this.#gate = createFrameGate(options.fps);
    if (options.startTicks !== undefined) this.#origin = Number(options.startTicks) * options.secondsPerTick;
  }

  /**
   * @param ticks the picture's timestamp; undefined when it has none
   * @param arrivedS for streams without timestamps: when the picture came, seconds of any steady clock
   */
  place(ticks: bigint | undefined, arrivedS: number | undefined): PlacedPicture {
    const index = this.#count++;
    const seconds =
      arrivedS ?? (ticks === undefined ? undefined : Number(ticks) * this.#options.secondsPerTick);
    this.#origin ??= seconds;
    if (this.#origin === undefined && this.#options.skipUntimed) return { index, time: 0, wanted: false };
    const follows = Math.max(0, this.#lastTime + this.#options.frameInterval);
    const time = seconds === undefined ? follows : seconds - this.#origin!;
    // Damaged streams repeat or step back; consumers divide by differences of time.
    this.#lastTime = time > this.#lastTime ? time : this.#lastTime + this.#options.frameInterval / 100;
    return { index, time: this.#lastTime, wanted: this.#gate(this.#lastTime) };
  }
}
