// The appearance of one track as a few cluster centres, updated crop by crop. Called by tracklets.ts.

export interface PrototypeOptions {
  /** Centres a track may have. */
  maxSlots: number;
  /** Cosine similarity from which a crop joins a centre instead of opening a new one. */
  joinSimilarity: number;
  /** A centre is sent again once its cosine similarity to what was sent is below this; higher costs bandwidth. */
  resendBelow: number;
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
  /** The centre as it was last sent. */
  sent: Float32Array | undefined;
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
    nearest = { sum: new Float32Array(dimensions), weight: 0, quality: 0, time, sent: undefined };
    slots.push(nearest);
  }
  // Even a poor crop counts a little, or a track that was only ever seen badly would have no direction at all.
  const share = Math.max(quality, 0.05);
  for (let i = 0; i < dimensions; i++) nearest.sum[i]! += share * vectors[offset + i]!;
  nearest.weight += 1;
  nearest.quality = Math.max(nearest.quality, quality);
  nearest.time = time;
}

function centre(slot: Slot): Float32Array {
  let square = 0;
  for (const value of slot.sum) square += value * value;
  const norm = Math.sqrt(square);
  return norm === 0 ? slot.sum.slice() : slot.sum.map((value) => value / norm);
}

/** The centre as a unit vector when it is worth sending, and then it counts as sent; else undefined. */
export function takeNews(slot: Slot, options: PrototypeOptions): Float32Array | undefined {
  if (!isNews(slot, options)) return undefined;
  slot.sent = centre(slot);
  return slot.sent;
}

/** Whether the centre was never sent or has moved since. */
export function isNews(slot: Slot, options: PrototypeOptions): boolean {
  return slot.sent === undefined || similarityToCentre(slot.sum, slot.sent, 0) < options.resendBelow;
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
