// Counts of similarities in a fixed number of bins: what calibration remembers. Called by calibration.ts.

const bins = 200;
/** Beyond so many counts all are halved, so that a site that changes is noticed. */
const most = 20_000;

export interface Histogram {
  /** Over -1..1. */
  counts: number[];
  total: number;
}

export function emptyHistogram(): Histogram {
  return { counts: new Array<number>(bins).fill(0), total: 0 };
}

/** Counts one value; what is no number is left out. */
export function count(histogram: Histogram, value: number): void {
  if (Number.isNaN(value)) return;
  const bin = Math.min(bins - 1, Math.max(0, Math.floor(((value + 1) / 2) * bins)));
  histogram.counts[bin]! += 1;
  histogram.total += 1;
  if (histogram.total <= most) return;
  histogram.counts = histogram.counts.map((each) => each / 2);
  histogram.total /= 2;
}

export function sumOf(a: Histogram, b: Histogram): Histogram {
  return { counts: a.counts.map((each, i) => each + b.counts[i]!), total: a.total + b.total };
}

/** The value below which `share` of all lie, interpolated within its bin; NaN when it is empty. */
export function quantile({ counts, total }: Histogram, share: number): number {
  if (total === 0) return NaN;
  let left = share * total;
  for (let i = 0; i < bins; i++) {
    const here = counts[i]!;
    if (here > 0 && left <= here) return ((i + left / here) / bins) * 2 - 1;
    left -= here;
  }
  return 1;
}
