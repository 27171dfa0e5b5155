// A picture of somebody finds where that person was, in the store of a run: the real embedder on a person cut out of a real picture.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { openPictureSearch } from '../../../functions/console/pictureSearch.ts';
import { matchWorkerOf } from '../../../functions/console/runSource.ts';
import { recordRun } from '../../console/recordedRun.ts';

let root: string;
let run: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'mei-picture-search-'));
  const known = process.env['MEI_CONSOLE_RUN'];
  run = known === undefined ? await recordRun(root) : join(root, 'run');
  if (known !== undefined) cpSync(known, run, { recursive: true });
}, 300_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('the most similar visit is that of the person in the picture', async () => {
  const camera = join(run, 'cameras', 'right');
  const { boxes } = JSON.parse(readFileSync(join(camera, 'picture.json'), 'utf8')) as {
    boxes: { track: string; box: [number, number, number, number] }[];
  };
  const threads = ['--import', resolve('test/support/typescriptThreads.mjs')];
  const search = openPictureSearch(run, await matchWorkerOf(run), threads)!;
  const { track, box } = boxes.at(-1)!;
  const [left, top, right, bottom] = box.map((each) => Math.max(0, Math.floor(each))) as typeof box;
  const picture = sharp(readFileSync(join(camera, 'picture.jpg')));
  const person = picture.extract({ left, top, width: right - left - 1, height: bottom - top - 1 });
  const found = await search.search(await person.jpeg().toBuffer());
  await search.close();
  expect(found[0]).toMatchObject({ camera: 'right', track });
  expect(found.map(({ similarity }) => similarity)).toEqual(
    found.map(({ similarity }) => similarity).sort((a, b) => b - a),
  );
});
