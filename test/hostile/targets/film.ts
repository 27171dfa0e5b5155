// Recordings with things wrong: what libav reads of them comes out as frames, or as one line.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openVideo, VideoError } from '../../../functions/media/video.ts';
import { makeClip } from '../../support/clips.ts';
import { mutateBytes } from '../mutations.ts';
import { checkRefusal, type OpenTarget } from '../target.ts';

/** More than the clip has, even when it is read twice. */
const mostFrames = 2000;

export const open: OpenTarget = async (folder) => {
  const clip = await readFile(await makeClip(join(folder, 'good.mp4'), 20, 10));
  const boxes = await readFile('samples/left.mp4').then((bytes) => bytes.subarray(0, 40_000));
  return {
    async run(dice) {
      const path = join(folder, 'hostile.mp4');
      await writeFile(path, mutateBytes(dice, dice.onceIn(4) ? boxes : clip, boxes));
      try {
        const video = await openVideo(path, { openTimeoutMs: 10_000, stallTimeoutMs: 10_000 });
        let frames = 0;
        for await (const { pixels, width, height, time } of video) {
          if (pixels.byteLength !== width * height * 3)
            throw new Error(`${pixels.byteLength} bytes for ${width} x ${height}`);
          if (!Number.isFinite(time)) throw new Error(`a frame at ${time}`);
          if (++frames > mostFrames) break;
        }
        return 'taken';
      } catch (error) {
        if (!(error instanceof VideoError)) throw error;
        checkRefusal(error.message.replaceAll(folder, ''));
        return 'refused';
      }
    },
  };
};
