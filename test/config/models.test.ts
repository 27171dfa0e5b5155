// The catalogue is sound, says the truth about the files, and misspelt models are explained.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { InferenceSession } from 'onnxruntime-node';
import { defaultModels, loadCatalogue, parseCatalogue, resolveModel } from '../../config/models.ts';
import { packageRoot } from '../../config/packageRoot.ts';
import { ensureModel, fileDigest } from '../../functions/media/models.ts';
import { messageOf } from './taskText.ts';

const catalogue = loadCatalogue('');
const modelsDir =
  process.env['MODELS_DIR'] ?? join(process.env['SHARED_DIR'] ?? join(packageRoot(), '../shared'), 'models');
const embedded = catalogue.filter((row) => row.embedded);
const others = catalogue.filter((row) => !row.embedded && !row.uri.startsWith('http'));
const own = mkdtempSync(join(tmpdir(), 'catalogue-'));
afterAll(() => rmSync(own, { recursive: true }));

test('the default models are rows for their stages', () => {
  expect(resolveModel(defaultModels.detect, 'detect', catalogue)).toMatchObject({ task: 'detect' });
  expect(resolveModel(defaultModels.embed, 'embed', catalogue)).toMatchObject({ task: 'embed' });
});

test.each(embedded.map((row) => [row.name, row] as const))(
  '%s is part of the package',
  async (_name, row) => {
    expect(await fileDigest(join(packageRoot(), row.uri))).toBe(row.sha256);
    await expectContract(join(packageRoot(), row.uri), row);
  },
);

if (existsSync(modelsDir) || process.env['CI'] === 'true')
  test.each(others.map((row) => [row.name, row] as const))(
    '%s in MODELS_DIR is the file and has the tensors',
    async (_name, row) => {
      const path = await ensureModel(row, { modelsDir, cacheFolder: join(own, 'cache') });
      await expectContract(path, row);
    },
  );
else
  test.skip(`rows of other models: MODELS_DIR or SHARED_DIR/models is missing (${modelsDir})`, () =>
    undefined);

async function expectContract(path: string, row: (typeof catalogue)[number]) {
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const { input, dimensions } = row;
  expect(session.inputMetadata).toMatchObject([
    { name: 'image', type: 'uint8', shape: ['batch', input.height, input.width, 3] },
  ]);
  expect(session.outputNames).toEqual(row.task === 'detect' ? ['boxes', 'scores'] : ['embedding']);
  if (row.task === 'embed') expect(session.outputMetadata).toMatchObject([{ shape: ['batch', dimensions] }]);
  await session.release();
}

test('a model of the task itself needs no catalogue; numbers of the task win over those of a row', () => {
  const input = { width: 320, height: 256, resize: 'letterbox' as const };
  const sha256 = 'a'.repeat(64);
  expect(resolveModel({ name: 'mine', uri: '/a.onnx', sha256, input }, 'detect', [])).toEqual({
    name: 'mine',
    task: 'detect',
    uri: '/a.onnx',
    sha256,
    input,
    scoreThreshold: 0.42,
    nmsIou: 0.6,
  });
  expect(resolveModel({ name: 'reid-0288', sameThreshold: 0.4 }, 'embed', catalogue)).toMatchObject({
    dimensions: 256,
    sameThreshold: 0.4,
    margin: 0.05,
  });
  expect(() => resolveModel({ name: 'mine', uri: '/a.onnx', sha256, input }, 'embed', [])).toThrow(
    'model mine: dimensions is missing',
  );
});

test.each([
  ['rtmdet-nano-384x512', 'detect', 'did you mean rtmdet-nano-person-384x512?; for a file of your own'],
  ['something', 'embed', 'models for embed are mei-embed-s2, reid-0288,'],
  ['reid-0288', 'detect', 'model reid-0288 is for embed, not for detect: models for detect are mb3-'],
] as const)('%s for %s is explained', (name, stage, message) => {
  expect(messageOf(() => resolveModel({ name }, stage, catalogue))).toContain(message);
});

const row = `name: mine
    task: embed
    uri: mine.onnx
    sha256: ${'b'.repeat(64)}
    licence: mine
    origin: me
    contract: embedding
    input: { width: 64, height: 128, resize: stretch }
    dimensions: 128
    sameThreshold: 0.4
    margin: 0.1`;

test('a catalogue of the user adds rows and replaces rows; its paths are relative to it', () => {
  const path = join(own, 'models.yaml');
  writeFileSync(path, `models:\n  - ${row}\n  - ${row.replace('name: mine', 'name: reid-0288')}\n`);
  const both = loadCatalogue(path);
  expect(both).toHaveLength(catalogue.length + 1);
  expect(resolveModel({ name: 'mine' }, 'embed', both)).toMatchObject({
    uri: join(own, 'mine.onnx'),
    dimensions: 128,
  });
  expect(resolveModel({ name: 'reid-0288' }, 'embed', both)).toMatchObject({ sha256: 'b'.repeat(64) });
});

test.each([
  ['task: embed', 'task: detect', /^m:2: models\[0\].*a detector/],
  ['dimensions: 128', 'dimension: 128', /^m:10: models\[0\]\.dimension: .*did you mean dimensions\?/],
  [/sha256: b+/, 'sha256: abc', /^m:5: models\[0\]\.sha256: must be the 64 hexadecimal digits/],
  ['contract: embedding', 'contract: boxes-scores', /^m:8: models\[0\]\.contract: a detector has/],
])('a wrong row (%s -> %s) is refused with its line', (from, to, message) => {
  expect(messageOf(() => parseCatalogue(`models:\n  - ${row.replace(from, to)}\n`, 'm'))).toMatch(message);
});

test('a catalogue of the user that is not there is named', () => {
  expect(() => loadCatalogue(join(own, 'none.yaml'))).toThrow(
    /^MEI_MODELS_FILE: .*none\.yaml cannot be read/,
  );
});
