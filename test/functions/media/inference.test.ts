import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { defaultModels, resolveModel } from '../../../config/models.ts';
import { openDetector, openEmbedder } from '../../../functions/media/inference.ts';
import { ensureModel } from '../../../functions/media/models.ts';

const detector = resolveModel(defaultModels.detect, 'detect');
const embedder = resolveModel(defaultModels.embed, 'embed');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mei-inference-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a file that is no model is refused with its name', async () => {
  const path = join(folder, 'text.onnx');
  writeFileSync(path, 'no model');
  await expect(openDetector(path, detector, 1)).rejects.toThrow(
    /^model mb3-.*text\.onnx cannot be loaded: .+$/,
  );
});

test('a model that does not keep the contract of its task is refused with what it has', async () => {
  const path = await ensureModel(embedder);
  await expect(openDetector(path, { ...detector, name: 'wrong' }, 1)).rejects.toThrow(
    'model wrong: a detect model has the input "image" and the outputs boxes, scores; this one has image -> embedding',
  );
});

test('vectors are unit vectors, and a batch beyond the limit gives what single crops give', async () => {
  const embed = await openEmbedder(await ensureModel(embedder), embedder, 1);
  const bytes = embedder.input.width * embedder.input.height * 3;
  const count = 20;
  const pixels = Uint8Array.from(
    { length: bytes * count },
    (_, i) => (i * 31 + Math.floor(i / bytes) * 97) % 256,
  );
  const dimensions = embedder.dimensions!;
  const all = await embed(pixels, count);
  expect(all).toHaveLength(count * dimensions);
  for (const i of [0, 15, 16, 19]) {
    const one = await embed(pixels.slice(i * bytes, (i + 1) * bytes), 1);
    const same = all.subarray(i * dimensions, (i + 1) * dimensions);
    expect(Math.hypot(...one)).toBeCloseTo(1, 3);
    expect(one.reduce((dot, value, k) => dot + value * same[k]!, 0)).toBeCloseTo(1, 4);
  }
});
