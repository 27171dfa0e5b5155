// Where a worker hears of newer configurations: the mounted file and the local controller, each away, late or wrong.
import { createServer, type Server, type ServerResponse } from 'node:http';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { WorkerConfig } from '../../../config/worker.ts';
import { firstConfig, followConfig } from '../../../functions/host/configFeed.ts';
import { recordingLog, until, workerConfig } from './support.ts';

let folder: string;
let configPath: string;
let server: Server | undefined;
let ending: AbortController;
let following: Promise<unknown> | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mei-feed-'));
  configPath = join(folder, 'worker.json');
  ending = new AbortController();
  mount(config(1));
});
afterEach(async () => {
  ending.abort();
  await following;
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

const config = (generation: number, more: Partial<WorkerConfig['task']> = {}): WorkerConfig => ({
  ...workerConfig(['detect']),
  task: { ...workerConfig(['detect']).task, generation, ...more },
});

/** As the kubelet does: the new file takes the place of the old one at once. */
function mount(value: unknown): void {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  writeFileSync(`${configPath}.new`, text);
  renameSync(`${configPath}.new`, configPath);
}

/** A local controller that answers as the test says; `asked` are the tags of the requests. */
async function localController(answer: (response: ServerResponse, tag: string) => void) {
  const asked: string[] = [];
  server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers['if-none-match'] ?? ''}`);
    answer(response, request.headers['if-none-match'] ?? '');
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const give = (response: ServerResponse, value: unknown, tag = '"1"') =>
  response.writeHead(200, { etag: tag }).end(JSON.stringify(value));

function follow(localControllerUrl?: string) {
  const { log, lines } = recordingLog();
  const offered: number[] = [];
  const options = { configPath, localControllerUrl, log, filePollMs: 10, retryMs: 10 };
  following = followConfig(options, config(1), ({ task }) => offered.push(task.generation), ending.signal);
  return { offered, lines };
}

const first = (localControllerUrl?: string) =>
  firstConfig({ configPath, localControllerUrl, log: recordingLog().log }).then(
    ({ task }) => task.generation,
  );

test('a worker begins with the newest of file and local controller', async () => {
  expect(await first()).toBe(1);
  let given = config(4);
  const { url, asked } = await localController((response) => give(response, given));
  expect(await first(url)).toBe(4);
  expect(asked).toEqual(['/v1/workers/w-detect/config?uid=u1 ']);
  mount(config(5));
  expect(await first(url)).toBe(5);
  given = config(9, { uid: 'of another task' });
  expect(await first(url)).toBe(5);
});

test.each<[string, (response: ServerResponse) => void]>([
  ['refuses', (response) => response.writeHead(404).end('unknown')],
  ['talks nonsense', (response) => response.end('<html>')],
  ['gives something else', (response) => give(response, { task: 1 })],
  ['breaks off', (response) => response.destroy()],
])('with a local controller that %s it begins with the file', async (_, answer) => {
  expect(await first((await localController(answer)).url)).toBe(1);
});

test('with a local controller that is away, or never answers, it begins with the file', async () => {
  expect(await first('http://127.0.0.1:1')).toBe(1);
  expect(await first((await localController(() => undefined)).url)).toBe(1);
});

test('the file is followed through replacements, absence and rubbish', async () => {
  const { offered, lines } = follow();
  mount(config(2));
  await until(() => offered.length === 1, 'the second');
  rmSync(configPath);
  mount('{');
  await until(() => lines.length === 1, 'a complaint');
  expect(lines[0]).toMatchObject({ level: 'error', message: 'the mounted configuration cannot be used' });
  mount(config(3));
  await until(() => offered.length === 2, 'the third');
  expect(offered).toEqual([2, 3]);
});

test('the local controller is asked to wait with the newest tag, and followed through its absence', async () => {
  let next = 1;
  let isAway = false;
  let held: ServerResponse | undefined;
  const { url, asked } = await localController((response, tag) => {
    if (isAway) response.writeHead(503).end();
    else if (tag === `"${next}"`) held = response;
    else give(response, config(next), `"${next}"`);
  });
  const { offered, lines } = follow(url);
  await until(() => held !== undefined, 'it waits');
  expect(asked.at(-1)).toBe('/v1/workers/w-detect/config?uid=u1 "1"');
  next = 2;
  give(held!, config(2), '"2"');
  await until(() => offered.length === 2, 'the second');
  isAway = true;
  held!.destroy();
  server!.closeAllConnections();
  await until(() => lines.some(({ message }) => message === 'the local controller is away'), 'it is missed');
  next = 3;
  isAway = false;
  await until(() => offered.length === 3, 'the third');
  expect(offered).toEqual([1, 2, 3]);
  expect(lines.map(({ message }) => message)).toEqual([
    'the local controller is away',
    'the local controller is back',
  ]);
});
