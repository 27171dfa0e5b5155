// Keeps a camera's tracks and its fullest picture on the node, for people to look at. Used by the detect handler when
// the worker has a results folder; nothing of it is ever sent.
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { join } from 'node:path';
import type { FrameData, TracksData } from '../../config/events.ts';
import type { Log } from '../function.ts';
import { encodeJpeg } from '../media/images.ts';

/** Columns of tracks.csv; boxes in pixels, time in seconds since the epoch. */
export const tracksHeader = 'sequence,time,track,left,top,width,height,score';

/** Bytes of tracks.csv per camera after which recording stops: days of a busy camera. */
const maxBytes = 512 * 1024 * 1024;

export interface Recorder {
  record(frame: FrameData, tracks: TracksData): Promise<void>;
  close(): Promise<void>;
}

/** Writes `<folder>/<camera>/tracks.csv`, `picture.jpg` and `picture.json` (the boxes of that picture). */
export function createRecorder(folder: string, camera: string, log: Log): Recorder {
  const cameraFolder = join(folder, camera);
  mkdirSync(cameraFolder, { recursive: true });
  const lines = createWriteStream(join(cameraFolder, 'tracks.csv'));
  let failed: Error | undefined;
  lines.on('error', (error) => {
    failed = error;
    log.error({ camera, folder: cameraFolder, reason: error.message }, 'local results cannot be written');
  });
  lines.write(`# ${tracksHeader}\n`);
  let mostPeople = 0;
  let full = false;

  async function keepPicture(frame: FrameData, tracks: TracksData): Promise<void> {
    mostPeople = tracks.ids.length;
    const jpeg = await encodeJpeg(frame);
    await replaceFile(join(cameraFolder, 'picture.jpg'), jpeg);
    const boxes = [...tracks.ids].map((id, i) => ({
      track: `${tracks.session}.${id}`,
      box: [...tracks.boxes.subarray(i * 4, i * 4 + 4)],
    }));
    await replaceFile(join(cameraFolder, 'picture.json'), JSON.stringify({ time: frame.time, boxes }));
  }

  return {
    async record(frame, tracks) {
      if (failed || full) return;
      if (lines.bytesWritten > maxBytes) {
        full = true;
        log.warn({ camera, folder: cameraFolder, maxBytes }, 'local results are full');
        return;
      }
      try {
        await writeLines(lines, tracks);
        if (tracks.ids.length > mostPeople) await keepPicture(frame, tracks);
      } catch (error) {
        failed = error as Error;
        log.error(
          { camera, folder: cameraFolder, reason: failed.message },
          'local results cannot be written',
        );
      }
    },
    async close() {
      if (failed) return;
      lines.end();
      await finished(lines).catch(() => undefined);
    },
  };
}

async function writeLines(lines: WriteStream, tracks: TracksData): Promise<void> {
  let text = '';
  for (const [i, id] of tracks.ids.entries()) {
    const [left, top, right, bottom] = tracks.boxes.subarray(i * 4, i * 4 + 4);
    const box = [left!, top!, right! - left!, bottom! - top!].map((value) => value.toFixed(1)).join(',');
    text += `${tracks.sequence},${tracks.time.toFixed(3)},${tracks.session}.${id},${box},${tracks.scores[i]!.toFixed(3)}\n`;
  }
  if (text !== '' && !lines.write(text)) {
    // Errors of the stream end the recording, not the camera.
    await new Promise<void>((resolve) => {
      for (const event of ['drain', 'error', 'close']) lines.once(event, () => resolve());
    });
  }
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}
