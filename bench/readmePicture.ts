// Makes docs/images/two-cameras.jpg: the annotated videos of a run of the sample cameras, side by side at one moment.
//   npm start && npx tsx bench/readmePicture.ts out/two-cameras/latest 28
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeJpeg } from '../functions/media/images.ts';
import { openVideo, type VideoFrame } from '../functions/media/video.ts';

const [folder = 'out/two-cameras/latest', seconds = '28'] = process.argv.slice(2);
const gap = 8;

async function frameAt(path: string, time: number): Promise<VideoFrame> {
  for await (const frame of await openVideo(path)) if (frame.time >= time) return frame;
  throw new Error(`${path} ends before ${time} s`);
}

const [left, right] = await Promise.all(
  ['left', 'right'].map((camera) =>
    frameAt(join(folder, 'cameras', camera, 'annotated.mp4'), Number(seconds)),
  ),
);
const width = left!.width + gap + right!.width;
const pixels = new Uint8Array(width * left!.height * 3).fill(255);
for (const [frame, from] of [
  [left!, 0],
  [right!, left!.width + gap],
] as const) {
  for (let y = 0; y < frame.height; y++) {
    const row = frame.pixels.subarray(y * frame.width * 3, (y + 1) * frame.width * 3);
    pixels.set(row, (y * width + from) * 3);
  }
}
await writeFile('docs/images/two-cameras.jpg', await encodeJpeg({ pixels, width, height: left!.height }, 80));
