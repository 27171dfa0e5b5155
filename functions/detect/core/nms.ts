// Called by the detect handler on every model output: turns anchors in model pixels into a short list of boxes in image pixels.
import { overlap } from './boxes.ts';
import type { Detections, ImageSize } from './detections.ts';

export interface NmsOptions {
  /** Boxes below this probability are dropped; low on purpose, the tracker's second stage lives on weak boxes. */
  readonly scoreFloor: number;
  /** Two boxes overlapping by more than this IoU are one person; the weaker goes. Higher keeps more people in crowds and more doubles. */
  readonly maxOverlap: number;
  /** Most boxes returned; the strongest stay. */
  readonly maxDetections: number;
  /** Most boxes that enter suppression, which bounds its quadratic cost; the strongest stay. */
  readonly maxCandidates: number;
  /** Smallest width and height after clipping, image pixels. */
  readonly minSize: number;
  /** Smallest width / height; 0 accepts all. */
  readonly minAspect: number;
  /** Largest width / height; Infinity accepts all. */
  readonly maxAspect: number;
}

export const defaultNmsOptions: NmsOptions = {
  scoreFloor: 0.1,
  maxOverlap: 0.65,
  maxDetections: 300,
  maxCandidates: 1000,
  minSize: 4,
  minAspect: 0,
  maxAspect: Infinity,
};

/** How the image was resized for the model: model pixels = image pixels x scale, anchored at the top left. */
export interface ModelScale {
  readonly scaleX: number;
  readonly scaleY: number;
}

/**
 * Suppresses duplicates and undoes the resize of one image.
 * @param boxes A x 4, x1 y1 x2 y2, model pixels, of one image of the batch
 * @param scores A, person probability
 * @returns strongest first; equal scores in anchor order. Boxes are clipped to the image; rows with numbers that are not finite are dropped.
 */
export function selectDetections(
  boxes: Float32Array,
  scores: Float32Array,
  scale: ModelScale,
  image: ImageSize,
  options: Partial<NmsOptions> = {},
): Detections {
  const settings = { ...defaultNmsOptions, ...options };
  const order = strongestAnchors(scores, settings.scoreFloor, settings.maxCandidates);
  const capacity = Math.min(order.length, settings.maxDetections);
  const keptBoxes = new Float32Array(capacity * 4);
  const keptScores = new Float32Array(capacity);
  const keptAnchors = new Int32Array(capacity);
  const clipped = new Float32Array(4);
  let count = 0;
  for (let rank = 0; rank < order.length && count < capacity; rank++) {
    const anchor = order[rank]!;
    if (!placeInImage(boxes, anchor, scale, image, clipped) || !isAcceptable(clipped, settings)) continue;
    if (isDuplicate(boxes, anchor, keptAnchors, count, settings.maxOverlap)) continue;
    keptBoxes.set(clipped, count * 4);
    keptScores[count] = scores[anchor]!;
    keptAnchors[count] = anchor;
    count++;
  }
  return { boxes: keptBoxes, scores: keptScores, count };
}

function isDuplicate(
  boxes: Float32Array,
  anchor: number,
  kept: Int32Array,
  count: number,
  maxOverlap: number,
): boolean {
  for (let k = 0; k < count; k++) if (overlap(boxes, anchor, boxes, kept[k]!) > maxOverlap) return true;
  return false;
}

function placeInImage(
  boxes: Float32Array,
  anchor: number,
  scale: ModelScale,
  image: ImageSize,
  clipped: Float32Array,
): boolean {
  for (let side = 0; side < 4; side++) {
    const horizontal = side % 2 === 0;
    const pixels = boxes[anchor * 4 + side]! / (horizontal ? scale.scaleX : scale.scaleY);
    if (!Number.isFinite(pixels)) return false;
    clipped[side] = Math.min(Math.max(pixels, 0), horizontal ? image.width : image.height);
  }
  return true;
}

function isAcceptable(box: Float32Array, options: NmsOptions): boolean {
  const width = box[2]! - box[0]!;
  const height = box[3]! - box[1]!;
  if (width < options.minSize || height < options.minSize) return false;
  const aspect = width / height;
  return aspect >= options.minAspect && aspect <= options.maxAspect;
}

/** Anchors at or above the floor, strongest first, at most `limit`: a bounded heap, so a noisy output costs no more memory than a clean one. */
function strongestAnchors(scores: Float32Array, floor: number, limit: number): Int32Array {
  const heap = new Int32Array(Math.min(limit, scores.length));
  let size = 0;
  const weaker = (a: number, b: number) => scores[a]! < scores[b]! || (scores[a] === scores[b] && a > b);
  const sink = (from: number, end: number) => {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= end) return;
      if (child + 1 < end && weaker(heap[child + 1]!, heap[child]!)) child++;
      if (!weaker(heap[child]!, heap[at]!)) return;
      [heap[at], heap[child]] = [heap[child]!, heap[at]!];
      at = child;
    }
  };
  for (let anchor = 0; anchor < scores.length; anchor++) {
    if (!(scores[anchor]! >= floor)) continue;
    if (size < heap.length) {
      heap[size++] = anchor;
      if (size === heap.length) for (let at = (size >> 1) - 1; at >= 0; at--) sink(at, size);
    } else if (size > 0 && weaker(heap[0]!, anchor)) {
      heap[0] = anchor;
      sink(0, size);
    }
  }
  const chosen = heap.subarray(0, size);
  return chosen.sort((a, b) => (weaker(a, b) ? 1 : -1));
}
