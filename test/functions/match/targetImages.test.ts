// Query pictures become vectors: each once, also over a restart, and what cannot be read is named.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { defaultModels, resolveModel } from '../../../config/models.ts';
import { createTargetImages, type VectorCache } from '../../../functions/match/targetImages.ts';
import { encodeJpeg } from '../../../functions/media/images.ts';
import { openEmbedder } from '../../../functions/media/inference.ts';
import { ensureModel } from '../../../functions/media/models.ts';

const model = resolveModel(defaultModels.embed, 'embed');
const signal = new AbortController().signal;
let folder: string;
let runs: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'targets-'));
  runs = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function memory(): VectorCache {
  const vectors = new Map<string, Float32Array>();
  return {
    vectorOf: (picture, digest) => vectors.get(`${picture} ${digest}`),
    keepVector: (picture, digest, vector) => void vectors.set(`${picture} ${digest}`, vector),
  };
}

/** The real model, counted. */
function imagesOf(targets: { name: string; images: string[] }[], cache = memory()) {
  return createTargetImages(targets, model, folder, cache, async () => {
    const embed = await openEmbedder(await ensureModel(model), model, 1);
    return async (pixels, count) => {
      runs += 1;
      return embed(pixels, count);
    };
  });
}

/** A made-up person: trousers and a shirt before a wall. */
async function picture(shirt: [number, number, number], file: string): Promise<string> {
  const [width, height] = [60, 140];
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isBody = Math.abs(x - 30) < 16;
      const colour = !isBody ? [120, 118, 110] : y < 25 ? [200, 160, 130] : y < 80 ? shirt : [30, 30, 60];
      pixels.set(colour, (y * width + x) * 3);
    }
  }
  const path = join(folder, file);
  writeFileSync(path, await encodeJpeg({ pixels, width, height }));
  return path;
}

test('pictures become unit vectors of the model, alike for people alike, and none is looked at twice', async () => {
  const red = await picture([200, 20, 20], 'red.jpg');
  const again = await picture([190, 25, 22], 'again.jpg');
  const green = await picture([20, 160, 30], 'green.jpg');
  const cache = memory();
  const images = imagesOf(
    [
      { name: 'anna', images: [red, again] },
      { name: 'bert', images: [green] },
    ],
    cache,
  );
  const { targets, problems } = await images.load(signal);
  expect(problems).toEqual([]);
  const [[first, second], [other]] = targets.map(({ vectors }) => vectors) as [
    Float32Array[],
    Float32Array[],
  ];
  for (const vector of [first!, second!, other!]) {
    expect(vector.length).toBe(model.dimensions);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 3);
  }
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  expect(dot(first!, second!)).toBeGreaterThan(dot(first!, other!) + 0.1);
  expect(targets[0]).toMatchObject({ name: 'anna', model: model.sha256 });
  expect(runs).toBe(3);
  expect(await images.load(signal)).toEqual({ targets, problems });
  expect(await imagesOf([{ name: 'anna', images: [red] }], cache).load(signal)).toMatchObject({
    problems: [],
  });
  expect(runs).toBe(3);
});

test('a picture that is missing, wrong or too large is named, and the others count', async () => {
  const good = await picture([200, 20, 20], 'good.jpg');
  const text = join(folder, 'note.txt');
  writeFileSync(text, 'not a picture');
  const large = join(folder, 'large.jpg');
  writeFileSync(large, Buffer.alloc(20 * 2 ** 20 + 1));
  const missing = join(folder, 'anna', '0');
  const images = imagesOf([{ name: 'anna', images: [missing, good, text, large] }]);
  const { targets, problems } = await images.load(signal);
  expect(targets[0]!.vectors.length).toBe(1);
  expect(problems).toEqual([
    `target anna, picture 1: ${missing} is not there: check the name and key of its Secret or ConfigMap, or the path`,
    'target anna, picture 3: picture (13 bytes) is not JPEG, PNG or WebP',
    `target anna, picture 4: ${large} has 20971521 bytes: a picture has at most 20971520`,
  ]);
});

test('a picture that comes late or changes is taken at the next look', async () => {
  const path = join(folder, 'late.jpg');
  const images = imagesOf([{ name: 'anna', images: [path] }]);
  expect((await images.load(signal)).problems.length).toBe(1);
  await picture([200, 20, 20], 'late.jpg');
  const before = (await images.load(signal)).targets[0]!.vectors[0]!;
  await picture([20, 160, 30], 'late.jpg');
  const after = (await images.load(signal)).targets[0]!.vectors[0]!;
  expect(after).not.toEqual(before);
  expect(runs).toBe(2);
});

test('an address is fetched once; one inside the network is refused', async () => {
  const bytes = readFileSync(await picture([200, 20, 20], 'web.jpg'));
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    response.end(bytes);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/anna.jpg`;
  const images = imagesOf([{ name: 'anna', images: [url] }]);
  try {
    const refused = await images.load(signal);
    expect(refused.problems[0]).toContain('MEI_DOWNLOAD_NETWORKS');
    expect(requests).toBe(0);
    process.env['MEI_DOWNLOAD_NETWORKS'] = 'public,loopback';
    expect((await images.load(signal)).problems).toEqual([]);
    expect((await images.load(signal)).targets[0]!.vectors.length).toBe(1);
    expect([requests, runs]).toEqual([1, 1]);
  } finally {
    delete process.env['MEI_DOWNLOAD_NETWORKS'];
    server.close();
  }
});
