// The appearance of one track as a few cluster centres, updated crop by crop. Called by tracklets.ts.

export interface PrototypeOptions {
  /** Centres a track may have. */
  maxSlots: number;
  /** Cosine similarity from which a crop joins a centre instead of opening a new one. */
  joinSimilarity: number;
}

/** One centre: the quality-weighted sum of the unit vectors it stands for. */
export interface Slot {
  sum: Float32Array;
  /** Number of crops. */
  weight: number;
  /** Best quality among them, 0..1. */
  quality: number;
  /** Media time of the newest crop, seconds. */
  time: number;
  /** Whether it changed since it was last sent. */
  changed: boolean;
}

/** Adds one crop's unit vector (D values read at `offset`) to the centre nearest to it, or as a new centre. */
export function addVector(
  slots: Slot[],
  vectors: Float32Array,
  offset: number,
  dimensions: number,
  quality: number,
  time: number,
  options: PrototypeOptions,
): void {
  let nearest: Slot | undefined;
  let nearestSimilarity = -Infinity;
  for (const slot of slots) {
    const similarity = similarityToCentre(slot.sum, vectors, offset);
    if (similarity > nearestSimilarity) {
      nearest = slot;
      nearestSimilarity = similarity;
    }
  }
  if (!nearest || (nearestSimilarity < options.joinSimilarity && slots.length < options.maxSlots)) {
    nearest = { sum: new Float32Array(dimensions), weight: 0, quality: 0, time, changed: true };
    slots.push(nearest);
  }
  // Even a poor crop counts a little, or a track that was only ever seen badly would have no direction at all.
  const share = Math.max(quality, 0.05);
  for (let i = 0; i < dimensions; i++) nearest.sum[i]! += share * vectors[offset + i]!;
  nearest.weight += 1;
  nearest.quality = Math.max(nearest.quality, quality);
  nearest.time = time;
  nearest.changed = true;
}

/** The centre as a unit vector. */
export function centre(slot: Slot): Float32Array {
  const norm = Math.hypot(...slot.sum);
  return norm === 0 ? slot.sum.slice() : slot.sum.map((value) => value / norm);
}

function similarityToCentre(sum: Float32Array, vectors: Float32Array, offset: number): number {
  let dot = 0;
  let square = 0;
  for (let i = 0; i < sum.length; i++) {
    dot += sum[i]! * vectors[offset + i]!;
    square += sum[i]! * sum[i]!;
  }
  return square === 0 ? 0 : dot / Math.sqrt(square);
}
