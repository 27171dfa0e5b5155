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
  let failed: Error | undefined;
  function fail(error: Error): void {
    // Once is enough: the camera goes on without local results.
    if (!failed)
      log.error({ camera, folder: cameraFolder, reason: error.message }, 'local results cannot be written');
    failed = error;
  }
  const lines = openLines(cameraFolder, fail);
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
      if (!lines || failed || full) return;
      if (lines.bytesWritten > maxBytes) {
        full = true;
        log.warn({ camera, folder: cameraFolder, maxBytes }, 'local results are full');
        return;
      }
      try {
        await writeLines(lines, tracks);
        if (tracks.ids.length > mostPeople) await keepPicture(frame, tracks);
      } catch (error) {
        fail(error as Error);
      }
    },
    async close() {
      if (!lines || failed) return;
      lines.end();
      await finished(lines).catch(() => undefined);
    },
  };
}

function openLines(folder: string, fail: (error: Error) => void): WriteStream | undefined {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    fail(error as Error);
    return undefined;
  }
  const lines = createWriteStream(join(folder, 'tracks.csv'));
  lines.on('error', fail);
  lines.write(`# ${tracksHeader}\n`);
  return lines;
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
