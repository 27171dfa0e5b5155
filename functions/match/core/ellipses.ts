// Contact in the picture, as Sedna's example tests it: the ellipses around two people's feet share a pixel. Called by contacts.ts.

/** Feet of a person in a picture, pixels. */
export interface Feet {
  /** Middle of the box. */
  x: number;
  /** Its lower edge. */
  y: number;
  /** Width of the box: the ellipse reaches so far to each side, and half as far up and down. */
  width: number;
}

/** Whether the filled ellipses (half-axes: width, and half of it rounded down) have a pixel in common. */
export function ellipsesTouch(a: Feet, b: Feet): boolean {
  const [first, second] = [ellipseOf(a), ellipseOf(b)];
  const top = Math.max(first.y - first.down, second.y - second.down);
  const bottom = Math.min(first.y + first.down, second.y + second.down);
  for (let row = top; row <= bottom; row++) {
    const left = Math.max(first.x - reach(first, row), second.x - reach(second, row));
    const right = Math.min(first.x + reach(first, row), second.x + reach(second, row));
    if (left <= right) return true;
  }
  return false;
}

interface Ellipse {
  x: number;
  y: number;
  across: number;
  down: number;
}

function ellipseOf({ x, y, width }: Feet): Ellipse {
  const across = Math.max(0, Math.trunc(width));
  return { x: Math.trunc(x), y: Math.trunc(y), across, down: Math.floor(across / 2) };
}

/** Pixels to each side of the middle that the ellipse covers in a row. */
function reach({ y, across, down }: Ellipse, row: number): number {
  if (down === 0) return across;
  const share = (row - y) / down;
  return Math.floor(across * Math.sqrt(Math.max(0, 1 - share * share)));
}
