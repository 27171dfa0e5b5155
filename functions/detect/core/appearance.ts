// Called by the detect handler before the tracker when the raw frame is at hand: a cheap colour signature per detection.
import type { Detections, ImageSize } from './detections.ts';

const hueBins = 8;
const greyBins = 4;
const stripes = 3;
const samplesAcross = 10;
const samplesDown = 30;
/** Numbers per detection in what `describeColours` returns. */
export const colourLength = stripes * (hueBins + greyBins);

/**
 * Colour histograms of the inner part of each box, in three stripes from head to feet.
 * @param rgb height x width x 3, 0 to 255
 * @returns count x colourLength, rows of length 1: the dot product of two rows is 1 for the same colours, 0 for none in common.
 */
export function describeColours(rgb: Uint8Array, image: ImageSize, detections: Detections): Float32Array {
  const signatures = new Float32Array(detections.count * colourLength);
  for (let row = 0; row < detections.count; row++) {
    const signature = signatures.subarray(row * colourLength, (row + 1) * colourLength);
    sampleBox(rgb, image, detections.boxes, row, signature);
    normalise(signature);
  }
  return signatures;
}

function sampleBox(
  rgb: Uint8Array,
  image: ImageSize,
  boxes: Float32Array,
  row: number,
  signature: Float32Array,
): void {
  const left = boxes[row * 4]!;
  const top = boxes[row * 4 + 1]!;
  const width = boxes[row * 4 + 2]! - left;
  const height = boxes[row * 4 + 3]! - top;
  for (let j = 0; j < samplesDown; j++) {
    const y = clamp(top + height * (0.05 + (0.9 * (j + 0.5)) / samplesDown), image.height);
    const stripe = Math.floor((j * stripes) / samplesDown) * (hueBins + greyBins);
    for (let i = 0; i < samplesAcross; i++) {
      const x = clamp(left + width * (0.2 + (0.6 * (i + 0.5)) / samplesAcross), image.width);
      const at = (y * image.width + x) * 3;
      addColour(signature, stripe, rgb[at]!, rgb[at + 1]!, rgb[at + 2]!);
    }
  }
}

/** Splits one pixel between a hue bin and a grey bin by how colourful it is, and between neighbouring bins, so that noise moves little. */
function addColour(signature: Float32Array, stripe: number, red: number, green: number, blue: number): void {
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  const chroma = most - least;
  const colourful = most > 0 ? Math.min(1, (2 * chroma) / (most + 32)) : 0;
  if (chroma > 0) {
    let sextant: number;
    if (most === red) sextant = (green - blue) / chroma + 6;
    else if (most === green) sextant = (blue - red) / chroma + 2;
    else sextant = (red - green) / chroma + 4;
    const place = (sextant / 6) * hueBins;
    const bin = Math.floor(place);
    const part = place - bin;
    signature[stripe + (bin % hueBins)]! += colourful * (1 - part);
    signature[stripe + ((bin + 1) % hueBins)]! += colourful * part;
  }
  const level = (most / 255) * (greyBins - 1);
  const low = Math.floor(level);
  const share = level - low;
  signature[stripe + hueBins + low]! += (1 - colourful) * (1 - share);
  if (share > 0) signature[stripe + hueBins + low + 1]! += (1 - colourful) * share;
}

/** Square roots make the dot product the Bhattacharyya coefficient of the two histograms. */
function normalise(signature: Float32Array): void {
  let sum = 0;
  for (const mass of signature) sum += mass;
  if (sum > 0) for (let k = 0; k < signature.length; k++) signature[k] = Math.sqrt(signature[k]! / sum);
}

function clamp(pixels: number, size: number): number {
  return Math.min(Math.max(Math.floor(pixels), 0), size - 1);
}
