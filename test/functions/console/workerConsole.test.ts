// The console as the worker that matches serves it: with tokens alone, without pictures, with the status of another worker.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import express from 'express';
import { eventTypes } from '../../../config/events.ts';
import type { WorkerConfig } from '../../../config/worker.ts';
import { workerConsole } from '../../../functions/console/workerConsole.ts';
import type { TaskView } from '../../../functions/console/types.ts';
import type { Context, StageFunction } from '../../../functions/function.ts';
import { cleanUp, start, workerConfig } from '../host/support.ts';

const token = 'viewer-token-0123456789ab';
const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
let folder: string;
let servers: Server[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mei-worker-console-'));
  servers = [];
  writeFileSync(join(folder, 'tokens'), `bob view shop ${token}\n`);
});
afterEach(async () => {
  await cleanUp();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  rmSync(folder, { recursive: true, force: true });
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const stage: StageFunction = { handle: async () => undefined };

function workerWith(sinks: Record<string, string>): WorkerConfig {
  return workerConfig(['match'], {
    task: { name: 'shop', namespace: 'default', uid: '', generation: 1 },
    worker: 'shop-match',
    node: 'cloud',
    cameras: [
      {
        id: 'door',
        source: { type: 'RTSP', uri: 'rtsp://user@192.0.2.1/', realtime: true, transport: 'TCP' },
        mask: [],
      },
    ],
    sinks,
    storeFolder: folder,
  });
}

async function serve(sinks: Record<string, string>): Promise<string> {
  const view = workerConsole({
    config: workerWith(sinks),
    environment: {},
    stages: [{ name: 'match', stage, context: {} as Context }],
    tokensFile: join(folder, 'tokens'),
    taskTokens: () => ['token-of-the-task'],
    log,
  });
  return `${await listen(createServer(express().use('/console', view!.router)))}console/api/`;
}

const asBob = { authorization: `Bearer ${token}` };

test('tells what another worker of the task says of its status, and gives no picture and no address of a camera', async () => {
  const asked: (string | undefined)[] = [];
  const other = await listen(
    createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization}`);
      response.end(
        JSON.stringify({ phase: 'Running', cameras: [{ id: 'door', state: 'connected', fps: 5 }] }),
      );
    }),
  );
  const url = await serve({ [eventTypes.report]: other });
  // The first answer may come before the other worker's.
  const answer = await fetch(`${url}task`, { headers: asBob });
  const text = await answer.text();
  const task = JSON.parse(text) as TaskView;
  expect(asked).toEqual(['/status.json Bearer token-of-the-task']);
  expect(task).toMatchObject({
    place: 'cluster',
    status: { phase: 'Running' },
    cameras: [{ id: 'door', state: 'connected' }],
  });
  expect(text).not.toContain('192.0.2.1');
  expect((await fetch(`${url}cameras/door/picture.jpg`, { headers: asBob })).status).toBe(404);
  expect((await fetch(`${url}cameras/door/recording`, { headers: asBob })).status).toBe(404);
});

test('asks for a token, by whatever name it is reached, and works while the status cannot be had', async () => {
  const url = await serve({ [eventTypes.report]: 'http://127.0.0.1:1/' });
  expect((await fetch(`${url}task`)).status).toBe(401);
  expect(
    (await fetch(`${url}identities`, { headers: { authorization: 'Bearer wrong-token-0123456789' } })).status,
  ).toBe(401);
  const answer = await fetch(`${url}task`, { headers: asBob });
  expect(((await answer.json()) as TaskView).cameras).toMatchObject([{ id: 'door', state: 'connecting' }]);
});

test('is a part of the worker that matches, beside the status that it gathers itself', async () => {
  const status: StageFunction = { ...stage, snapshot: () => ({ phase: 'Degraded' }) };
  const { url } = await start(
    { match: stage, status },
    {
      config: { storeFolder: folder, task: { name: 'shop', namespace: 'default', uid: '', generation: 1 } },
      queryTokensFile: join(folder, 'tokens'),
    },
  );
  expect(await (await fetch(`${url}status.json`)).json()).toEqual({ phase: 'Degraded' });
  const answer = await fetch(`${url}console/api/task`, { headers: asBob });
  expect((await answer.json()) as TaskView).toMatchObject({ name: 'shop', status: { phase: 'Degraded' } });
  expect((await fetch(`${url}console/api/task`)).status).toBe(401);
  expect((await fetch(`${url}console/`)).headers.get('content-security-policy')).toContain(
    "default-src 'none'",
  );
});

test('is not there without tokens, nor in a worker that does not match', async () => {
  const { url } = await start({ match: stage }, { config: { storeFolder: folder } });
  expect((await fetch(`${url}console/api/task`)).status).toBe(404);
  const other = await start({ status: stage }, { queryTokensFile: join(folder, 'tokens') });
  expect((await fetch(`${other.url}console/api/task`)).status).toBe(404);
});
