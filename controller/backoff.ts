// How long to wait before the next try: used by the reflectors and the queue.

export interface BackoffOptions {
  minMs: number;
  maxMs: number;
  /** 0 <= random() < 1 */
  random?: () => number;
}

/** Doubles with each failure in a row; a random half of it keeps many from coming back at once. */
export function backoffMs(failures: number, { minMs, maxMs, random = Math.random }: BackoffOptions): number {
  const whole = Math.min(maxMs, minMs * 2 ** Math.min(failures, 30));
  return whole / 2 + (random() * whole) / 2;
}
