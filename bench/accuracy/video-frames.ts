// Decodes a video file to raw frames for the accuracy benchmark.
import './promise-with-resolvers.ts';
import { Decoder, Demuxer, Scaler } from 'node-av/api';

export interface RawFrame {
  /** Counts from 1, as MOTChallenge does. */
  number: number;
  width: number;
  height: number;
  /** height x width x 3. */
  rgb: Uint8Array;
}

export async function* decodeFrames(path: string): AsyncGenerator<RawFrame> {
  await using input = await Demuxer.open(path);
  const stream = input.video();
  if (stream === undefined) throw new Error(`${path}: no video stream`);
  using decoder = await Decoder.create(stream);
  using scaler = new Scaler();
  let number = 0;
  for await (using frame of decoder.frames(input.packets(stream.index))) {
    if (frame === null) continue;
    number++;
    yield { number, width: frame.width, height: frame.height, rgb: await scaler.toBuffer(frame, { format: 'rgb' }) };
  }
}

/** The part of a frame from column `left` on, `width` columns wide. */
export function cutColumns(frame: RawFrame, left: number, width: number): RawFrame {
  if (left === 0 && width === frame.width) return frame;
  const rgb = new Uint8Array(width * frame.height * 3);
  for (let y = 0; y < frame.height; y++) {
    const from = (y * frame.width + left) * 3;
    rgb.set(frame.rgb.subarray(from, from + width * 3), y * width * 3);
  }
  return { ...frame, width, rgb };
}
