// Pictures and videos with boxes and identity numbers, one set per camera. They are made on the edge side from what lies
// there, and stay there.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import type { Camera } from '../config/schema/camera.ts';
import { createMasker } from '../functions/ingest/core/mask.ts';
import { decodeImage, encodeJpeg } from '../functions/media/images.ts';
import { openVideo } from '../functions/media/video.ts';
import { openVideoWriter } from '../functions/media/videoWriter.ts';
import { colourOf, drawBox, type Picture } from './draw.ts';
import type { ProgressStyle } from './progress.ts';
import { exists, readSightings, type Sighting } from './results.ts';

/** Draws numbers into the camera's fullest picture: annotated.jpg. */
export async function annotatePicture(folder: string, numbers: Map<string, number>): Promise<void> {
  const path = join(folder, 'picture.jpg');
  if (!(await exists(path))) return;
  const picture = await decodeImage(await readFile(path));
  const { boxes } = JSON.parse(await readFile(join(folder, 'picture.json'), 'utf8')) as {
    boxes: { track: string; box: number[] }[];
  };
  for (const { track, box } of boxes) draw(picture, box, numbers.get(track));
  await writeFile(join(folder, 'annotated.jpg'), await encodeJpeg(picture));
}

/** Reads a file camera once more and writes annotated.mp4, or `to`; other cameras cannot be read again. */
export async function annotateVideo(
  camera: Camera,
  folder: string,
  numbers: Map<string, number>,
  style: ProgressStyle,
  to = join(folder, 'annotated.mp4'),
): Promise<void> {
  if (camera.source.uri === undefined || !(await exists(camera.source.uri))) return;
  const sightings = bySequence(readSightings(folder));
  const mask = createMasker(camera.mask.map(({ points }) => points.flat()));
  const video = await openVideo(camera.source.uri, camera.fps === undefined ? {} : { fps: camera.fps });
  const rate = camera.fps ?? (video.frameCount && video.durationS ? video.frameCount / video.durationS : 10);
  const writer = await openVideoWriter(to, {
    width: video.width,
    height: video.height,
    fps: rate,
  });
  const bar =
    style === 'bars'
      ? new SingleBar({ format: `${camera.id}: writing video [{bar}] {percentage} %` })
      : undefined;
  bar?.start(video.frameCount ?? 0, 0);
  try {
    for await (const frame of video) {
      mask(frame);
      for (const { track, box } of await sightings(frame.index + 1)) {
        const [left, top, width, height] = box;
        draw(frame, [left, top, left + width, top + height], numbers.get(track));
      }
      await writer.write(frame.pixels, frame.time);
      bar?.update(frame.index + 1);
    }
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    bar?.stop();
  }
}

/** Tracks without an identity get a grey box: seen, but nobody was sure enough. */
function draw(picture: Picture, box: readonly number[], number: number | undefined): void {
  if (number === undefined) drawBox(picture, box, '?', [170, 170, 170]);
  else drawBox(picture, box, String(number), colourOf(number));
}

/** Sightings come in the order of frames: gives those of one frame after the other, holding only one frame's. */
function bySequence(sightings: AsyncGenerator<Sighting>): (sequence: number) => Promise<Sighting[]> {
  let next: IteratorResult<Sighting> | undefined;
  return async (sequence) => {
    const found: Sighting[] = [];
    next ??= await sightings.next();
    while (!next.done && next.value.sequence <= sequence) {
      if (next.value.sequence === sequence) found.push(next.value);
      next = await sightings.next();
    }
    return found;
  };
}
