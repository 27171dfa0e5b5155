// Called by the detect handler before inference, where a task asks for it: says whether a picture needs the detector or shows what the last one did.
import type { ImageSize } from './detections.ts';

export interface GateOptions {
  /** Longest time between two detections while the picture does not change, seconds; 0 detects in every frame. */
  readonly stillIntervalSeconds: number;
  /** The same while it changes but nobody is followed: how late a newcomer may be seen; 0 detects in every frame that changed. */
  readonly emptyIntervalSeconds: number;
  /** How much a cell's brightness must differ to count as changed, of 255; lower sees people who look like the background, and noise. */
  readonly changedLevels: number;
  /** Cells that must have changed for the picture to count as changed. */
  readonly changedCells: number;
}

export const defaultGateOptions: GateOptions = {
  stillIntervalSeconds: 0,
  emptyIntervalSeconds: 0,
  changedLevels: 6,
  changedCells: 2,
};

const columns = 48;
const rows = 27;
const cells = columns * rows;
/** Pixels read of each cell, in each direction. */
const samples = 4;
const levelsOfLight = 256;

/** What the gate remembers of one camera: the picture that was detected in last. Changed in place. */
export interface GateState {
  options: GateOptions;
  /** Mean brightness of each cell, 0 to 255, then and now. */
  readonly detected: Float32Array;
  readonly seen: Float32Array;
  readonly histogram: Int32Array;
  /** Media time of the last detection, seconds; null before the first. */
  detectedSeconds: number | null;
}

export function createGate(options: Partial<GateOptions> = {}): GateState {
  return {
    options: { ...defaultGateOptions, ...options },
    detected: new Float32Array(cells),
    seen: new Float32Array(cells),
    histogram: new Int32Array(2 * levelsOfLight),
    detectedSeconds: null,
  };
}

/** Whom the tracker follows: `none`, only people it is `sure` of, or somebody whom the next detection must confirm or find again. */
export type Followed = 'none' | 'sure' | 'unsure';

/**
 * True when the detector must look at this picture; false when its last answer still holds. A false never changes what the next
 * picture is compared with, so slow changes add up.
 * @param rgb height x width x 3
 */
export function needsDetection(
  state: GateState,
  rgb: Uint8Array,
  image: ImageSize,
  timeSeconds: number,
  followed: Followed,
): boolean {
  const { options } = state;
  if (options.stillIntervalSeconds <= 0) return true;
  readBrightness(state.seen, rgb, image);
  const waited = state.detectedSeconds === null ? Infinity : timeSeconds - state.detectedSeconds;
  if (waited >= 0 && followed !== 'unsure') {
    const canWait = hasChanged(state)
      ? followed === 'none' && waited < options.emptyIntervalSeconds
      : waited < options.stillIntervalSeconds;
    if (canWait) return false;
  }
  state.detected.set(state.seen);
  state.detectedSeconds = timeSeconds;
  return true;
}

function readBrightness(out: Float32Array, rgb: Uint8Array, { width, height }: ImageSize): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let j = 0; j < samples; j++) {
        const y = Math.floor(((row + (j + 0.5) / samples) * height) / rows);
        for (let i = 0; i < samples; i++) {
          const x = Math.floor(((column + (i + 0.5) / samples) * width) / columns);
          const at = (y * width + x) * 3;
          sum += rgb[at]! + 2 * rgb[at + 1]! + rgb[at + 2]!;
        }
      }
      out[row * columns + column] = sum / (4 * samples * samples);
    }
  }
}

/** What the whole picture gained or lost in light, by a cloud or the camera's exposure, is no change. */
function hasChanged(state: GateState): boolean {
  const { detected, seen, options } = state;
  const light = medianDifference(state);
  let changed = 0;
  for (let cell = 0; cell < cells; cell++) {
    if (Math.abs(seen[cell]! - detected[cell]! - light) < options.changedLevels) continue;
    if (++changed >= options.changedCells) return true;
  }
  return false;
}

function medianDifference({ detected, seen, histogram }: GateState): number {
  histogram.fill(0);
  for (let cell = 0; cell < cells; cell++) {
    const difference = Math.round(seen[cell]! - detected[cell]!) + levelsOfLight;
    histogram[difference] = histogram[difference]! + 1;
  }
  let below = 0;
  let difference = 0;
  while (below + histogram[difference]! <= cells / 2) below += histogram[difference++]!;
  return difference - levelsOfLight;
}
