// The motion model behind every track: four constant-velocity Kalman filters (centre x, centre y, width, height) on a clock in seconds.
// The tracker predicts before association and corrects after it. Noise scales with the person's height, so near and far people move alike.

/** Layout of a filter: 4 axes (cx cy w h) x 5 numbers: value (px), velocity (px/s), variance, covariance, velocity variance. */
export const filterLength = 20;
const axisLength = 5;
const heightAxis = 15;

export interface MotionOptions {
  /** Detector jitter of a box's centre, in body heights; larger trusts the prediction more. */
  readonly centreNoise: number;
  /** Detector jitter of width and height, in body heights. */
  readonly sizeNoise: number;
  /** Extra jitter of unsure boxes: noise times 1 + weakNoise x (1 - score). */
  readonly weakNoise: number;
  /** How fast a person may be when first seen, one deviation, body heights per second (a walker makes about 0.8). */
  readonly startSpeed: number;
  /** How fast box size may change when first seen, one deviation, body heights per second. */
  readonly startSizeSpeed: number;
  /** How much velocity wanders, body heights per second after one second; larger follows turns sooner and coasts worse. */
  readonly wander: number;
  /** The same for box size. */
  readonly sizeWander: number;
}

/** Starts a filter at a box with unknown velocity. `boxes` n x 4, x1 y1 x2 y2, pixels. */
export function startFilter(
  filter: Float64Array,
  boxes: ArrayLike<number>,
  row: number,
  options: MotionOptions,
): void {
  const height = boxHeight(boxes, row);
  for (let axis = 0; axis < 4; axis++) {
    const at = axis * axisLength;
    const isSize = axis > 1;
    filter[at] = measure(boxes, row, axis);
    filter[at + 1] = 0;
    filter[at + 2] = square((isSize ? options.sizeNoise : options.centreNoise) * height);
    filter[at + 3] = 0;
    filter[at + 4] = square((isSize ? options.startSizeSpeed : options.startSpeed) * height);
  }
}

/** Moves the filter `dtSeconds` ahead. `freezeSize` forgets how the size was changing: without detections it would run away. */
export function predict(
  filter: Float64Array,
  dtSeconds: number,
  freezeSize: boolean,
  options: MotionOptions,
): void {
  const height = filter[heightAxis]!;
  for (let axis = 0; axis < 4; axis++) {
    const at = axis * axisLength;
    const isSize = axis > 1;
    if (isSize && freezeSize) filter[at + 1] = 0;
    const noise = square((isSize ? options.sizeWander : options.wander) * height);
    const covariance = filter[at + 3]!;
    const speedVariance = filter[at + 4]!;
    filter[at] = filter[at]! + dtSeconds * filter[at + 1]!;
    filter[at + 2] =
      filter[at + 2]! + dtSeconds * (2 * covariance + dtSeconds * (speedVariance + (noise * dtSeconds) / 3));
    filter[at + 3] = covariance + dtSeconds * (speedVariance + (noise * dtSeconds) / 2);
    filter[at + 4] = speedVariance + noise * dtSeconds;
  }
  const smallest = 1;
  if (filter[heightAxis]! < smallest) filter[heightAxis] = smallest;
  if (filter[heightAxis - axisLength]! < smallest) filter[heightAxis - axisLength] = smallest;
}

/** Corrects the filter with a detected box, `noiseScale` times as jittery as a sure one. `boxes` n x 4, x1 y1 x2 y2, pixels. */
export function correct(
  filter: Float64Array,
  boxes: ArrayLike<number>,
  row: number,
  noiseScale: number,
  options: MotionOptions,
): void {
  const height = boxHeight(boxes, row);
  for (let axis = 0; axis < 4; axis++) {
    const at = axis * axisLength;
    const noise = square((axis > 1 ? options.sizeNoise : options.centreNoise) * height * noiseScale);
    const variance = filter[at + 2]!;
    const covariance = filter[at + 3]!;
    const innovation = measure(boxes, row, axis) - filter[at]!;
    const gain = variance / (variance + noise);
    const speedGain = covariance / (variance + noise);
    filter[at] = filter[at]! + gain * innovation;
    filter[at + 1] = filter[at + 1]! + speedGain * innovation;
    filter[at + 2] = (1 - gain) * variance;
    filter[at + 3] = (1 - gain) * covariance;
    filter[at + 4] = filter[at + 4]! - speedGain * covariance;
  }
}

/** One deviation of the predicted centre along an axis (0 x, 1 y), pixels. */
export function centreDeviation(filter: Float64Array, axis: 0 | 1): number {
  return Math.sqrt(filter[axis * axisLength + 2]!);
}

/** Writes the filter's box to `out` (x1 y1 x2 y2, pixels). */
export function writeBox(filter: Float64Array, out: Float64Array): void {
  const halfWidth = filter[2 * axisLength]! / 2;
  const halfHeight = filter[heightAxis]! / 2;
  out[0] = filter[0]! - halfWidth;
  out[1] = filter[axisLength]! - halfHeight;
  out[2] = filter[0]! + halfWidth;
  out[3] = filter[axisLength]! + halfHeight;
}

function measure(boxes: ArrayLike<number>, row: number, axis: number): number {
  const at = row * 4 + (axis % 2);
  return axis < 2 ? (boxes[at]! + boxes[at + 2]!) / 2 : boxes[at + 2]! - boxes[at]!;
}

function boxHeight(boxes: ArrayLike<number>, row: number): number {
  return boxes[row * 4 + 3]! - boxes[row * 4 + 1]!;
}

function square(x: number): number {
  return x * x;
}
