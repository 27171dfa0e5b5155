// Overlap arithmetic on packed boxes; used by suppression, association and crop choice so that all three mean the same by "overlap".

/** Area shared by row `i` of `a` and row `j` of `b` (n x 4, x1 y1 x2 y2), square pixels. */
export function intersection(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): number {
  const p = i * 4;
  const q = j * 4;
  const width = Math.min(a[p + 2]!, b[q + 2]!) - Math.max(a[p]!, b[q]!);
  if (!(width > 0)) return 0;
  const height = Math.min(a[p + 3]!, b[q + 3]!) - Math.max(a[p + 1]!, b[q + 1]!);
  return height > 0 ? width * height : 0;
}

/** Area of row `i` of `boxes` (n x 4, x1 y1 x2 y2), square pixels. */
export function area(boxes: ArrayLike<number>, i: number): number {
  const p = i * 4;
  return (boxes[p + 2]! - boxes[p]!) * (boxes[p + 3]! - boxes[p + 1]!);
}

/** Intersection over union of two rows, 0 to 1. */
export function overlap(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): number {
  const shared = intersection(a, i, b, j);
  return shared > 0 ? shared / (area(a, i) + area(b, j) - shared) : 0;
}
