// Events that programs of a node hand to the local controller: stored before 202, delivered with the next process at the latest.
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createRoutedServer } from '../../../controller/link/http.ts';
import { receive } from '../../../controller/local/receive.ts';
import { NodeOutbox } from '../../../controller/local/nodeOutbox.ts';
import { TaskStore } from '../../../controller/local/store.ts';
import { workerEventsRoute } from '../../../controller/local/workerEvents.ts';
import { startReceiver, until, type Receiver } from '../../delivery/receiver.ts';
import { recordingLog } from '../recordingLog.ts';

let folder: string;
let cloud: Receiver;
let server: Server;
let store: TaskStore;
let outbox: NodeOutbox;
let url: string;
const log = recordingLog();
const nobody = 'http://127.0.0.1:1/';
const tokens = ['token-of-the-gate-newest', 'token-of-the-gate-before'];

/** The task as the controller tells of it, its worker sending to `sink`. */
function tell(sink: string, generation = 1, more: object = {}): void {
  const task = { namespace: 'default', name: 'gate', uid: 'uid-gate', generation };
  const worker = { worker: 'gate-edge', sinks: { tracklets: sink }, ...more };
  const data = { task, digest: `${generation}`, workers: [worker], tokens };
  const { changed } = receive(store, { name: 'insert', id: `${generation}`, data });
  if (changed.length > 0) outbox.redirect();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mei-node-outbox-'));
  cloud = await startReceiver();
  store = new TaskStore(folder, () => undefined);
  outbox = new NodeOutbox(folder, store, log);
  tell(nobody);
  server = createRoutedServer(
    [workerEventsRoute({ store, outbox: { keep: (...given) => outbox.keep(...given) } })],
    log,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/workers`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await outbox.close();
  store.close();
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

const post = (
  worker: string,
  body: unknown,
  type = 'application/cloudevents-batch+json',
  token: string | undefined = tokens[1],
) =>
  fetch(`${url}/${worker}/events`, {
    method: 'POST',
    headers: { 'content-type': type, ...(token !== '' && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });

test('202 once stored, although the cloud is away', async () => {
  const response = await post('gate-edge', [event('a'), event('b'), event('c')]);
  expect([response.status, await response.json()]).toEqual([202, { accepted: 3 }]);
  expect(outbox.figures().waiting).toBe(3);
});

test('events travel on as they came', async () => {
  tell(cloud.url, 2);
  await post('gate-edge', event('a'), 'application/cloudevents+json');
  await post('gate-edge', [event('b'), event('c')]);
  await until(() => cloud.taken.length === 3, 'delivered');
  expect(cloud.ids()).toEqual(['a', 'b', 'c']);
  expect(cloud.taken[0]!.attributes).toMatchObject({ source: event('a').source, partitionkey: 'door' });
});

test('an event that was stored by a process that died is delivered by the next', async () => {
  await cloud.close();
  tell(cloud.url, 2);
  await post('gate-edge', event('a'), 'application/cloudevents+json');
  await outbox.close();
  cloud = await startReceiver(Number(new URL(cloud.url).port));
  outbox = new NodeOutbox(folder, store, log);
  await until(() => cloud.taken.length === 1, 'delivered');
});

test('what waits goes where the task sends it now, in order', async () => {
  await post('gate-edge', [event('a'), event('b')]);
  tell(cloud.url, 2);
  await post('gate-edge', [event('c')]);
  await until(() => cloud.taken.length >= 3, 'delivered');
  expect(cloud.ids()).toEqual(['a', 'b', 'c']);
});

test('the token of the task is shown to its workers, the older one where only that is known yet', async () => {
  cloud.answer = (_ids, { authorization }) => ({
    status: authorization === `Bearer ${tokens[1]}` ? 202 : 401,
  });
  tell(cloud.url, 2);
  await post('gate-edge', [event('a')]);
  await until(() => cloud.taken.length === 1, 'delivered');
  expect(cloud.requests.map(({ headers }) => headers.authorization)).toEqual(
    tokens.map((token) => `Bearer ${token}`),
  );
});

test('a Broker is shown no token', async () => {
  tell(cloud.url, 2, { broker: cloud.url });
  await post('gate-edge', [event('a')]);
  await until(() => cloud.taken.length === 1, 'delivered');
  expect(cloud.requests[0]!.headers.authorization).toBeUndefined();
});

test.each([
  ['no token', ''],
  ['a token of nobody', 'x'.repeat(43)],
])('a stranger with %s is refused, before anything is said of the events', async (_what, token) => {
  const response = await post('gate-edge', 'no event at all', undefined, token);
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="task"']);
  expect(outbox.figures().waiting).toBe(0);
});

test('the number of a report grows over restarts, also after the clock was set back', async () => {
  const first = outbox.nextReport(2_000_000_000_000);
  await outbox.close();
  outbox = new NodeOutbox(folder, store, log);
  expect(outbox.nextReport(1_000_000_000_000)).toBeGreaterThan(first);
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
  expect(outbox.figures().waiting).toBe(0);
});
