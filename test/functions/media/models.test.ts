// Model files over a real loopback server that cuts, lies and stalls: only files with the right digest are ever used.
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ModelConfig } from '../../../config/worker.ts';
import { PermanentError, TransientError } from '../../../functions/function.ts';
import { AddressGuard, ownMachine } from '../../../functions/media/addressGuard.ts';
import { ensureModel } from '../../../functions/media/models.ts';

const bytes = randomBytes(300_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const guard = new AddressGuard('download', ownMachine);
type Answer = (request: IncomingMessage, response: ServerResponse, from: number) => void;

let folder: string;
let cacheFolder: string;
let server: ReturnType<typeof createServer>;
let answers: Answer[];
let ranges: (string | undefined)[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'models-'));
  cacheFolder = join(folder, 'cache');
  [answers, ranges] = [[], []];
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    (answers.shift() ?? whole)(request, response, from);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function head(response: ServerResponse, from: number) {
  const range = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from, ...range });
}
const whole: Answer = (_request, response, from) => {
  head(response, from);
  response.end(bytes.subarray(from));
};
/** Sends up to `end`, and cuts the connection once that is on its way. */
const cutAt =
  (end: number): Answer =>
  (_request, response, from) => {
    head(response, from);
    response.write(bytes.subarray(from, end), () => response.destroy());
  };
const status =
  (code: number): Answer =>
  (_request, response) =>
    response.writeHead(code).end();

function model(fields: Partial<ModelConfig> = {}): ModelConfig {
  const { port } = server.address() as AddressInfo;
  const uri = `http://127.0.0.1:${port}/model.onnx`;
  return {
    name: 'm',
    task: 'detect',
    uri,
    sha256,
    input: { width: 64, height: 64, resize: 'stretch' },
    ...fields,
  };
}
const ensure = (fields: Partial<ModelConfig> = {}, more: object = {}) =>
  ensureModel(model(fields), { cacheFolder, guard, pauseMs: 1, stallMs: 10_000, ...more });

test('a download is kept, and not fetched again', async () => {
  const seen: [number, number | undefined][] = [];
  const path = await ensure({}, { onProgress: (done: number, total?: number) => seen.push([done, total]) });
  expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(seen.at(-1)).toEqual([bytes.length, bytes.length]);
  expect(await ensure()).toBe(path);
  expect(ranges).toHaveLength(1);
  expect(readdirSync(cacheFolder)).toHaveLength(1);
});

test('a connection that is cut goes on where it stopped', async () => {
  answers = [cutAt(100_000), cutAt(200_000)];
  const path = await ensure();
  expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(ranges[0]).toBeUndefined();
  const starts = ranges.slice(1).map((range) => Number(/\d+/.exec(range!)![0]));
  expect(starts).toHaveLength(2);
  expect(starts[0]).toBeGreaterThan(0);
  expect(starts[0]).toBeLessThanOrEqual(100_000);
  expect(starts[1]).toBeGreaterThan(starts[0]!);
});

test('what arrived before a failure serves the next call', async () => {
  answers = [cutAt(150_000), ...Array.from({ length: 8 }, () => status(503))];
  await expect(ensure()).rejects.toThrow(TransientError);
  answers = [];
  expect(readFileSync(await ensure()).equals(bytes)).toBe(true);
  expect(ranges.at(-1)).toMatch(/^bytes=[1-9]/);
});

test('a server that knows no ranges starts again', async () => {
  answers = [cutAt(100_000), (request, response) => whole(request, response, 0)];
  expect(readFileSync(await ensure()).equals(bytes)).toBe(true);
});

test('the beginning of another version is thrown away', async () => {
  mkdirSync(cacheFolder);
  writeFileSync(join(cacheFolder, `m-${sha256.slice(0, 12)}.onnx.part`), randomBytes(1000));
  expect(readFileSync(await ensure()).equals(bytes)).toBe(true);
  expect(ranges).toEqual(['bytes=1000-', undefined]);
});

test('a wrong digest: one line, kept aside, not used', async () => {
  const wanted = 'c'.repeat(64);
  const error = await failure(ensure({ sha256: wanted }));
  expect(error).toBeInstanceOf(PermanentError);
  expect(error.message).toMatch(
    new RegExp(
      `^model m: http://.* gave a file with the digest ${sha256}, not ${wanted}: it is not used, and kept as .*wrong-digest$`,
    ),
  );
  expect(readdirSync(cacheFolder)).toEqual([`m-${wanted.slice(0, 12)}.onnx.wrong-digest`]);
});

test.each([
  [404, PermanentError, 'answers 404 Not Found: check the address', 1],
  [403, PermanentError, 'answers 403', 1],
  [503, TransientError, 'answers 503', 4],
])('status %d', async (code, type, message, requests) => {
  answers = Array.from({ length: requests }, () => status(code));
  const error = await failure(ensure());
  expect(error).toBeInstanceOf(type);
  expect(error.message).toContain(message);
  expect(error.message).not.toContain('\n');
  expect(ranges).toHaveLength(requests);
});

test('a file that is too large is refused before it is fetched, and while when the size was not said', async () => {
  await expect(ensure({}, { maxBytes: 1000 })).rejects.toThrow(
    'is larger than 1000 bytes: it is not fetched',
  );
  answers = [(_request, response) => response.write(bytes)];
  await expect(ensure({}, { maxBytes: 1000 })).rejects.toThrow('is larger than 1000 bytes');
});

test('a server that falls silent counts as cut', async () => {
  const silent: Answer = (_request, response, from) => {
    head(response, from);
    response.write(bytes.subarray(from, from + 1000));
  };
  answers = [silent];
  expect(readFileSync(await ensure({}, { stallMs: 200 })).equals(bytes)).toBe(true);
  expect(ranges[1]).toBe('bytes=1000-');
});

test('all attempts together have a deadline, and the caller can stop', async () => {
  const never: Answer = () => undefined;
  answers = [never, never, never, never];
  await expect(ensure({}, { totalMs: 200 })).rejects.toThrow('was not fetched within 200 ms');
  const controller = new AbortController();
  answers = [() => controller.abort(new Error('stopped'))];
  await expect(ensure({}, { signal: controller.signal })).rejects.toThrow('stopped');
});

test('nobody at the address', async () => {
  const error = await failure(ensure({ uri: 'http://127.0.0.1:1/model.onnx' }));
  expect(error).toBeInstanceOf(TransientError);
  expect(error.message).toMatch(/^model m: http:\/\/127.0.0.1:1\/model.onnx cannot be fetched: .+/);
});

test('two at once get the same file', async () => {
  const paths = await Promise.all([ensure(), ensure()]);
  for (const path of paths) expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(readdirSync(cacheFolder).filter((name) => name.includes('part'))).toEqual([]);
});

test('a file in MODELS_DIR is taken by name, from its folder or one below, and only with the right digest', async () => {
  const modelsDir = join(folder, 'models');
  mkdirSync(join(modelsDir, 'detect'), { recursive: true });
  writeFileSync(join(modelsDir, 'm.onnx'), 'something else');
  const wrong = await failure(ensure({ uri: 'm.onnx' }, { modelsDir }));
  expect(wrong.message).toContain(`${join(modelsDir, 'm.onnx')} has the digest`);
  writeFileSync(join(modelsDir, 'detect/m.onnx'), bytes);
  expect(await ensure({ uri: 'm.onnx' }, { modelsDir })).toBe(join(modelsDir, 'detect/m.onnx'));
});

test('a row without an address says where the original comes from and where to put the file', async () => {
  const row = {
    uri: 'reid-0288.u8.onnx',
    name: 'reid-0288',
    sha256: 'e684ab569d25b9002aa8d0c630e7bb5b31293aff0b78c555c0994b2ef5c616d2',
  };
  const { message } = await failure(ensure(row, { modelsDir: undefined }));
  expect(message).toMatch(
    /^model reid-0288: reid-0288.u8.onnx has no public download address \(from: OpenVINO Open Model Zoo/,
  );
  expect(message).toContain(`put the file into ${cacheFolder}`);
});

test('a path of the user is used as it is, or named', async () => {
  const path = join(folder, 'mine.onnx');
  await expect(ensure({ uri: path })).rejects.toThrow(`model m: there is no file ${path}`);
  writeFileSync(path, bytes);
  expect(await ensure({ uri: path })).toBe(path);
  expect(await ensure({ uri: `file://${path}` })).toBe(path);
});

test('a cache that cannot be written is named', async () => {
  writeFileSync(join(folder, 'file'), '');
  const error = await failure(ensure({}, { cacheFolder: join(folder, 'file/cache') }));
  expect(error).toBeInstanceOf(PermanentError);
  expect(error.message).toMatch(/cannot be written: a file is in the way of its folder/);
});

const full = '/dev/full';
(existsSync(full) ? test : test.skip)('a full disk is named', async () => {
  mkdirSync(cacheFolder);
  symlinkSync(full, join(cacheFolder, `m-${sha256.slice(0, 12)}.onnx.part`));
  const error = await failure(ensure());
  expect(error).toBeInstanceOf(PermanentError);
  expect(error.message).toMatch(/cannot be written: the disk is full/);
});

async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('did not fail');
}
