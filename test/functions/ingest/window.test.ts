// A task with a window gets the pictures that lie in it, and no other.
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { makeClip, numberShown, temporaryFolder } from '../../support/clips.ts';
import { cameraConfig, IngestRun } from '../../support/ingestRun.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clip: string;
let run: IngestRun | undefined;

beforeAll(async () => {
  folder = await temporaryFolder();
  clip = await makeClip(join(folder.path, 'clip.mp4'), 28, 10);
});
afterAll(async () => folder.remove());
afterEach(async () => run?.stop());

test.each([
  [{ startS: 5001, endS: 5001.5 }, [10, 11, 12, 13, 14, 15]],
  [{ startS: 5002.55 }, [26, 27]],
  [{ endS: 5000.15 }, [0, 1]],
  [{ startS: 6000 }, []],
  [{ endS: 4000 }, []],
])('of a recording that begins at 5000, %j asks for the pictures %j', async (window, wanted) => {
  const timing = { mode: 'History' as const, window };
  run = await new IngestRun([cameraConfig('a', { uri: clip, startTime: 5000 })], { timing }).start();
  await run.until('the end', () => run!.report('a').state === 'ended');
  const shown = run.frames().map(({ pixels, width, height }) => numberShown(pixels, width, height));
  expect(shown).toEqual(wanted);
  expect(run.events.at(-1)).toMatchObject({ subject: 'a', data: { state: 'ended' } });
  expect(run.stage.status!().phase).toBe('Completed');
});
