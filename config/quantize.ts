// Vectors as they travel and are compared: embed packs what it sees, match what it is asked for. One byte a component instead of four.

export interface QuantizedVector {
  /** -127..127 */
  vector: Int8Array;
  /** `vector[i] * scale` is the i-th component. */
  scale: number;
}

/** Rounds a vector to int8 with one scale; the largest component keeps its value. */
export function quantize(values: Float32Array): QuantizedVector {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  const scale = largest === 0 ? 1 : Math.fround(largest / 127);
  const vector = new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) vector[i] = Math.round(values[i]! / scale);
  return { vector, scale };
}
