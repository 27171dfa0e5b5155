import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openVideo } from '../../../functions/media/video.ts';
import { openVideoWriter } from '../../../functions/media/videoWriter.ts';
import { greyFrame, numberShown, temporaryFolder } from '../../support/clips.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => folder.remove());

test('what is written can be read again: pixels, times of their own, an odd size cut to an even one', async () => {
  const path = join(folder.path, 'out.mp4');
  const writer = await openVideoWriter(path, { width: 65, height: 49, fps: 7, crf: 10 });
  const times = [0, 0.5, 0.6, 2];
  for (const [number, time] of times.entries()) await writer.write(greyFrame(number, 65, 49), time);
  await writer.close();
  const seen: number[] = [];
  for await (const { time, pixels, width, height } of await openVideo(path)) {
    expect([width, height]).toEqual([64, 48]);
    expect(time).toBeCloseTo(times[seen.length]!, 3);
    seen.push(numberShown(pixels, width, height));
  }
  expect(seen).toEqual([0, 1, 2, 3]);
});

test('the file gets its name only when it is complete', async () => {
  const writer = await openVideoWriter(join(folder.path, 'out.mp4'), { width: 64, height: 48, fps: 7 });
  await writer.write(greyFrame(0));
  expect(await readdir(folder.path)).toEqual(['out.mp4.part']);
  await writer.close();
  await writer.close();
  expect(await readdir(folder.path)).toEqual(['out.mp4']);
});

test('giving up leaves nothing behind', async () => {
  const writer = await openVideoWriter(join(folder.path, 'out.mp4'), { width: 64, height: 48, fps: 7 });
  await writer.write(greyFrame(0));
  await writer.abort();
  expect(await readdir(folder.path)).toEqual([]);
});

test('a folder that is not there is named in one line', async () => {
  const path = join(folder.path, 'missing', 'out.mp4');
  await expect(openVideoWriter(path, { width: 64, height: 48, fps: 7 })).rejects.toThrow(
    `${path}: cannot write video: open: no such file`,
  );
});
