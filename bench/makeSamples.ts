// Makes samples/left.mp4 and samples/right.mp4, the two cameras of `npm start`, out of one real recording; run by hand when the samples change.
//   npx tsx bench/makeSamples.ts <vtest.avi> [folder]
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openVideo } from '../functions/media/video.ts';
import { openVideoWriter } from '../functions/media/videoWriter.ts';

/** 40 s in which eight of eleven people are seen for at least 20 frames on both sides. */
const firstFrame = 440;
const frames = 280;
/** The pace of the recording itself; its container says 10. */
const fps = 7;
const cutAt = 384;

const [source, folder = 'samples'] = process.argv.slice(2);
if (source === undefined) {
  console.error('say which recording: npx tsx bench/makeSamples.ts <vtest.avi> [folder]');
  process.exit(1);
}
await mkdir(folder, { recursive: true });
const video = await openVideo(source);
const parts = [
  { name: 'left', from: 0, to: cutAt },
  { name: 'right', from: cutAt, to: video.width },
];
const writers = await Promise.all(
  parts.map(({ name, from, to }) =>
    openVideoWriter(join(folder, `${name}.mp4`), {
      width: to - from,
      height: video.height,
      fps,
      crf: 23,
      preset: 'veryslow',
    }),
  ),
);
for await (const { index, pixels, width, height } of video) {
  if (index < firstFrame) continue;
  if (index >= firstFrame + frames) break;
  const time = (index - firstFrame) / fps;
  for (const [at, { from, to }] of parts.entries()) {
    await writers[at]!.write(columns(pixels, width, height, from, to), time);
  }
}
for (const [at, { name }] of parts.entries()) {
  await writers[at]!.close();
  const { size } = await stat(join(folder, `${name}.mp4`));
  console.log(`${name}.mp4: ${frames} frames, ${frames / fps} s, ${Math.round(size / 1024)} KiB`);
}

/** The pixels of a picture between two columns. */
function columns(pixels: Uint8Array, width: number, height: number, from: number, to: number): Uint8Array {
  const bytes = (to - from) * 3;
  const part = new Uint8Array(bytes * height);
  for (let row = 0; row < height; row++) {
    const start = (row * width + from) * 3;
    part.set(pixels.subarray(start, start + bytes), row * bytes);
  }
  return part;
}
