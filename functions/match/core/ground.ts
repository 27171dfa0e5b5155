// Where feet stand in metres, and how surely. Called by contacts.ts; homographies come from the task.

/** A point on the ground. */
export interface GroundPoint {
  /** Metres. */
  x: number;
  y: number;
  /** Standard deviation of the position along its worst direction, metres. */
  deviation: number;
}

/**
 * Maps a foot point to the ground plane; undefined at and beyond the horizon.
 * @param homography 3 x 3 row-major, pixels to metres
 * @param x y pixels
 * @param pixelDeviation how far the detector's foot point is off, pixels (one standard deviation)
 */
export function toGround(
  homography: readonly number[],
  x: number,
  y: number,
  pixelDeviation: number,
): GroundPoint | undefined {
  const [a, b, c, d, e, f, g, h, i] = homography as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const w = g * x + h * y + i;
  const scale = Math.abs(g * x) + Math.abs(h * y) + Math.abs(i);
  if (Math.abs(w) <= scale * 1e-9) return undefined;
  const groundX = (a * x + b * y + c) / w;
  const groundY = (d * x + e * y + f) / w;
  // First order: the largest singular value of the Jacobian stretches an error the most.
  const j11 = (a - g * groundX) / w;
  const j12 = (b - h * groundX) / w;
  const j21 = (d - g * groundY) / w;
  const j22 = (e - h * groundY) / w;
  const trace = j11 * j11 + j12 * j12 + j21 * j21 + j22 * j22;
  const determinant = j11 * j22 - j12 * j21;
  const largest = (trace + Math.sqrt(Math.max(0, trace * trace - 4 * determinant * determinant))) / 2;
  return { x: groundX, y: groundY, deviation: pixelDeviation * Math.sqrt(largest) };
}
