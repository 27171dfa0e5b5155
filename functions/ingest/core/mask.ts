// Blanks the zones of a picture that nobody may see, for ingest: computed once per resolution, applied in place to every frame.

/** n x 2, first and last + 1 byte of each run of masked pixels, ascending, not overlapping. */
export type MaskSpans = Int32Array;

interface Picture {
  /** RGB, height x width x 3 bytes */
  pixels: Uint8Array;
  width: number;
  height: number;
}

/**
 * Turns polygons into runs of bytes of an RGB picture. A pixel is masked when its centre lies in any polygon
 * (even-odd rule within one polygon).
 * @param polygons x y pairs as fractions of the image, 0..1; points outside are clipped
 */
export function compileMask(
  polygons: readonly (readonly number[])[],
  width: number,
  height: number,
): MaskSpans {
  const spans: number[] = [];
  for (let row = 0; row < height; row++) {
    const runs = polygons.flatMap((polygon) => runsOfRow(polygon, row, width, height));
    runs.sort((a, b) => a[0] - b[0]);
    for (const [from, to] of runs) {
      const first = (row * width + from) * 3;
      const end = (row * width + to) * 3;
      const last = spans.length - 1;
      if (last > 0 && first <= spans[last]!) spans[last] = Math.max(spans[last]!, end);
      else spans.push(first, end);
    }
  }
  return Int32Array.from(spans);
}

/** Sets the masked pixels to black. */
export function blank(pixels: Uint8Array, spans: MaskSpans): void {
  for (let at = 0; at < spans.length; at += 2) pixels.fill(0, spans[at], spans[at + 1]);
}

/** Blanks one camera's zones; the spans are computed when the resolution changes. */
export function createMasker(polygons: readonly (readonly number[])[]): (frame: Picture) => void {
  let spans: MaskSpans = new Int32Array(0);
  let resolution = '';
  return ({ pixels, width, height }) => {
    if (polygons.length === 0) return;
    const wanted = `${width}x${height}`;
    if (wanted !== resolution) {
      spans = compileMask(polygons, width, height);
      resolution = wanted;
    }
    blank(pixels, spans);
  };
}

/** Runs of pixels, first and last + 1, whose centres lie inside the polygon in one row. */
function runsOfRow(
  polygon: readonly number[],
  row: number,
  width: number,
  height: number,
): [number, number][] {
  const crossings = crossingsOfRow(polygon, row + 0.5, width, height);
  const runs: [number, number][] = [];
  for (let at = 0; at + 1 < crossings.length; at += 2) {
    const from = Math.max(0, Math.ceil(crossings[at]! - 0.5));
    const to = Math.min(width, Math.ceil(crossings[at + 1]! - 0.5));
    if (from < to) runs.push([from, to]);
  }
  return runs;
}

/** Where a horizontal line crosses the polygon's edges, ascending, in pixels. */
function crossingsOfRow(polygon: readonly number[], y: number, width: number, height: number): number[] {
  const crossings: number[] = [];
  for (let at = 0, before = polygon.length - 2; at + 1 < polygon.length; before = at, at += 2) {
    const x0 = polygon[before]! * width;
    const y0 = polygon[before + 1]! * height;
    const x1 = polygon[at]! * width;
    const y1 = polygon[at + 1]! * height;
    if (y0 <= y !== y1 <= y) crossings.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
  }
  return crossings.sort((a, b) => a - b);
}
