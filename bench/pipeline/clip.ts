// A short recording for runs with many cameras, for main.ts: the first frames of a longer one, encoded once into the cache folder.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openVideo } from '../../functions/media/video.ts';
import { openVideoWriter } from '../../functions/media/videoWriter.ts';

const framesPerSecond = 7;

/** Path of a video with the first `frames` frames of another. */
export async function shortened(video: string, frames: number, cacheFolder: string): Promise<string> {
  const name = `${basename(video)}-${statSync(video).size}-${frames}.mp4`;
  const path = join(cacheFolder, 'clips', name);
  if (existsSync(path)) return path;
  mkdirSync(join(cacheFolder, 'clips'), { recursive: true });
  const reader = await openVideo(video);
  const writer = await openVideoWriter(path, {
    width: reader.width,
    height: reader.height,
    fps: framesPerSecond,
    crf: 20,
  });
  for await (const { index, pixels } of reader) {
    if (index >= frames) break;
    await writer.write(pixels, index / framesPerSecond);
  }
  await writer.close();
  return path;
}
