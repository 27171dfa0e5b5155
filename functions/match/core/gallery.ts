// The most similar of very many tracks, exactly: every vector is compared. Searches over history call it, for large galleries
// from several threads (gallerySearch.ts): all arithmetic is exact or in one fixed order, so that shares give what the whole gives.
import type { QuantizedVector } from '../../../config/quantize.ts';

/** Vectors of one model, packed. A track has several: those of `starts[i]` up to `starts[i + 1]`. */
export interface GalleryBlock {
  /** Number of the first track of the block in the whole gallery. */
  first: number;
  dimensions: number;
  /** rows x dimensions, row-major, -127..127 */
  vectors: Int8Array;
  /** rows; a component is `vector[i] * scale` */
  scales: Float32Array;
  /** tracks + 1, rows; the last is the number of all rows */
  starts: Uint32Array;
}

export interface Hit {
  /** Number of the track in the whole gallery. */
  track: number;
  /** Cosine similarity of the most similar pair of vectors. */
  score: number;
}

/**
 * The `most` tracks of the block that are most similar to any of the queries, best first; of equals those with the lower number.
 * @param least tracks below this similarity are left out
 */
export function nearest(
  block: GalleryBlock,
  queries: readonly QuantizedVector[],
  most: number,
  least = -Infinity,
): Hit[] {
  const { dimensions, vectors, scales, starts, first } = block;
  const best = createBest(most, least);
  for (let track = 0; track + 1 < starts.length; track++) {
    let score = -Infinity;
    const end = starts[track + 1]!;
    for (let row = starts[track]!; row < end; row++) {
      for (const query of queries) {
        const value = dot(query.vector, vectors, row * dimensions, dimensions) * query.scale * scales[row]!;
        if (value > score) score = value;
      }
    }
    best.offer(first + track, score);
  }
  return best.take();
}

/** Of several shares' hits the `most` best, as one search over all of it would give them. */
export function mergeHits(shares: readonly (readonly Hit[])[], most: number): Hit[] {
  return shares.flat().sort(byScore).slice(0, most);
}

function byScore(a: Hit, b: Hit): number {
  return b.score - a.score || a.track - b.track;
}

/** Whole numbers up to 127 x 127 x 133,000 dimensions: exact in 32 bits. Four sums keep the processor's units busy. */
function dot(a: Int8Array, b: Int8Array, at: number, length: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < length; i += 4) {
    s0 = (s0 + Math.imul(a[i]!, b[at + i]!)) | 0;
    s1 = (s1 + Math.imul(a[i + 1]!, b[at + i + 1]!)) | 0;
    s2 = (s2 + Math.imul(a[i + 2]!, b[at + i + 2]!)) | 0;
    s3 = (s3 + Math.imul(a[i + 3]!, b[at + i + 3]!)) | 0;
  }
  for (; i < length; i++) s0 = (s0 + Math.imul(a[i]!, b[at + i]!)) | 0;
  return s0 + s1 + s2 + s3;
}

/** Keeps the best of what is offered in the order of track numbers: a heap with the worst on top. */
function createBest(most: number, least: number) {
  const tracks: number[] = [];
  const scores: number[] = [];
  const isWorse = (a: number, b: number) =>
    scores[a]! < scores[b]! || (scores[a] === scores[b] && tracks[a]! > tracks[b]!);

  function swap(a: number, b: number): void {
    [tracks[a], tracks[b]] = [tracks[b]!, tracks[a]!];
    [scores[a], scores[b]] = [scores[b]!, scores[a]!];
  }

  function sink(from: number): void {
    for (let at = from; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let worst = at;
      if (left < tracks.length && isWorse(left, worst)) worst = left;
      if (right < tracks.length && isWorse(right, worst)) worst = right;
      if (worst === at) return;
      swap(at, worst);
      at = worst;
    }
  }

  function rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!isWorse(at, parent)) return;
      swap(at, parent);
      at = parent;
    }
  }

  return {
    offer(track: number, score: number): void {
      if (most <= 0 || score < least || score === -Infinity) return;
      if (tracks.length < most) {
        tracks.push(track);
        scores.push(score);
        rise(tracks.length - 1);
      } else if (score > scores[0]!) {
        tracks[0] = track;
        scores[0] = score;
        sink(0);
      }
    },
    take: (): Hit[] => tracks.map((track, i) => ({ track, score: scores[i]! })).sort(byScore),
  };
}
