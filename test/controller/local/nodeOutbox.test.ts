// Events that programs of a node hand to the local controller: stored before 202, delivered with the next process at the latest.
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createRoutedServer } from '../../../controller/link/http.ts';
import { NodeOutbox } from '../../../controller/local/nodeOutbox.ts';
import { workerEventsRoute } from '../../../controller/local/workerEvents.ts';
import { startReceiver, until, type Receiver } from '../../delivery/receiver.ts';
import { recordingLog } from '../recordingLog.ts';

let folder: string;
let cloud: Receiver;
let server: Server;
let outbox: NodeOutbox;
let url: string;
/** Where the worker's events go. */
let sink: string;
const log = recordingLog();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mei-node-outbox-'));
  cloud = await startReceiver();
  sink = 'http://127.0.0.1:1/';
  outbox = new NodeOutbox(folder, log);
  const task = { namespace: 'default', name: 'gate', uid: 'u', generation: 1 };
  const store = {
    configs: (worker: string) =>
      worker === 'gate-edge'
        ? [{ task, tag: 't', text: JSON.stringify({ sinks: { tracklets: sink } }) }]
        : [],
  };
  server = createRoutedServer([workerEventsRoute({ store, outbox })], log);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/workers`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await outbox.close();
  await cloud.close();
  rmSync(folder, { recursive: true });
});

const event = (id: string, changes: object = {}) => ({
  specversion: '1.0',
  id,
  source: '/namespaces/default/multiedgeinferences/gate/embed/door',
  type: 'tracklets',
  partitionkey: 'door',
  data: { any: id },
  ...changes,
});

const post = (worker: string, body: unknown, type = 'application/cloudevents-batch+json') =>
  fetch(`${url}/${worker}/events`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: JSON.stringify(body),
  });

test('202 once stored, although the cloud is away', async () => {
  const response = await post('gate-edge', [event('a'), event('b'), event('c')]);
  expect([response.status, await response.json()]).toEqual([202, { accepted: 3 }]);
  expect(outbox.waiting()).toBe(3);
});

test('events travel on as they came', async () => {
  sink = cloud.url;
  await post('gate-edge', event('a'), 'application/cloudevents+json');
  await post('gate-edge', [event('b'), event('c')]);
  await until(() => cloud.taken.length === 3, 'delivered');
  expect(cloud.ids()).toEqual(['a', 'b', 'c']);
  expect(cloud.taken[0]!.attributes).toMatchObject({ source: event('a').source, partitionkey: 'door' });
});

test('an event that was stored by a process that died is delivered by the next', async () => {
  await cloud.close();
  sink = cloud.url;
  await post('gate-edge', event('a'), 'application/cloudevents+json');
  await outbox.close();
  cloud = await startReceiver(Number(new URL(sink).port));
  outbox = new NodeOutbox(folder, log);
  await until(() => cloud.taken.length === 1, 'delivered');
});

test.each([
  ['an unknown worker', 'other', [event('a')], 404, /not known on this node/],
  [
    'a task of somebody else',
    'gate-edge',
    [event('a', { source: '/namespaces/x/multiedgeinferences/y/embed/z' })],
    404,
    /has no task/,
  ],
  [
    'a type that the worker does not send',
    'gate-edge',
    [event('a', { type: 'constructor' })],
    422,
    /sends no events of type/,
  ],
  ['one bad event among good ones', 'gate-edge', [event('a'), { ...event('b'), source: '' }], 400, /source/],
])('%s is refused, and nothing of it is stored', async (_what, worker, body, status, message) => {
  const response = await post(worker, body);
  expect(response.status).toBe(status);
  expect(((await response.json()) as { error: string }).error).toMatch(message);
  expect(outbox.waiting()).toBe(0);
});
