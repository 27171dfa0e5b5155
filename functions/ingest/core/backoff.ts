// How long a camera waits before it tries again, for camera.ts.

export interface BackoffOptions {
  /** Shortest wait, milliseconds. */
  firstMs: number;
  /** Longest wait, milliseconds. */
  mostMs: number;
}

/**
 * Doubles with every failure; half of it is chance, so that cameras that were lost together do not return together.
 * @param failures how many tries failed in a row, 1 or more
 * @param random 0..1
 */
export function backoffMs(failures: number, random: number, { firstMs, mostMs }: BackoffOptions): number {
  const ceiling = Math.min(mostMs, firstMs * 2 ** Math.min(failures, 30));
  return Math.max(firstMs, ceiling * (0.5 + random / 2));
}
