// What workers ask of their local controller over HTTP, Sedna's route included, and what it refuses.
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { OutgoingEvent } from '../../../controller/link/outbox.ts';
import type { Origin } from '../../../controller/local/nodeOutbox.ts';
import type { OutboxFigures } from '../../../delivery/outbox.ts';
import { receive } from '../../../controller/local/receive.ts';
import { createLocalServer } from '../../../controller/local/server.ts';
import { TaskStore } from '../../../controller/local/store.ts';
import { workerConfigs, type WorkerConfigs } from '../../../controller/local/workerConfigs.ts';
import { TaskTokens } from '../../../controller/taskTokens.ts';
import { workerInfoRoute } from '../../../controller/local/workerInfo.ts';
import { TransientError } from '../../../controller/errors.ts';
import { fromEnvelope } from '../../../functions/host/codec.ts';
import { recordingLog } from '../recordingLog.ts';
import { eventually } from '../liveController.ts';
import { edgeTask, shares, taskKey } from '../link/site.ts';

let folder: string;
let store: TaskStore;
let configs: WorkerConfigs;
let server: Server;
let url: string;
let accepted: { event: OutgoingEvent; url: string | undefined }[] = [];
let isFull = false;
let sequence = 0;
const log = recordingLog();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mei-routes-'));
  store = new TaskStore(folder, () => undefined);
  configs = workerConfigs(store);
  const outbox = {
    report: async (event: OutgoingEvent, { uid, worker: from }: Origin) => {
      if (isFull) throw new TransientError('10000 events wait to be stored');
      accepted.push({ event, url: store.sinkOf(uid, from, event.type) });
    },
    nextReport: (nowMs: number) => (sequence = Math.max(sequence + 1, nowMs)),
    figures: (): OutboxFigures => ({
      waiting: accepted.length,
      bytes: 0,
      oldestS: 0,
      deadLetters: 0,
      delivered: 0,
      retries: 0,
      dropped: { age: 0, room: 0, superseded: 0 },
    }),
  };
  const link = { isConnected: () => true, connections: () => 1, problem: () => undefined };
  const routes = [workerInfoRoute({ store, outbox, node: 'edge-1', now: () => 1_700_000_000_000 })];
  server = createLocalServer({ store, link, outbox, configs, routes, log });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  store.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  accepted = [];
  isFull = false;
  give(1);
});

function give(generation: number, namespace = 'default', name = 'gate'): void {
  const { task, ...share } = shares(edgeTask(name, 1, ['edge-1'], generation / 100)).get('edge-1')!;
  const id = `${namespace}-${generation}`;
  const uid = `uid-${namespace}`;
  const data = { ...share, tokens: [tokenOf(uid)], task: { ...task, namespace, uid, generation } };
  configs.changed(receive(store, { name: 'insert', id, data }).changed);
}

const worker = 'gate-edge-edge-1';
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}?uid=uid-default`, { headers });

test('a worker reads its configuration, and the tag tells whether there is another one', async () => {
  const response = await get(`/v1/workers/${worker}/config`);
  expect(await response.json()).toMatchObject({ worker, match: { threshold: 0.01 } });
  const tag = response.headers.get('etag')!;
  expect((await get(`/v1/workers/${worker}/config`, { 'if-none-match': tag })).status).toBe(304);
  give(2);
  const next = await get(`/v1/workers/${worker}/config`, { 'if-none-match': tag, prefer: 'wait=30' });
  expect(next.status).toBe(200);
});

test('a worker that waits is answered when its configuration changes, or 304 when its time is over', async () => {
  const tag = (await get(`/v1/workers/${worker}/config`)).headers.get('etag')!;
  const waiting = get(`/v1/workers/${worker}/config`, { 'if-none-match': tag, prefer: 'wait=30' });
  await eventually(
    async () => configs.waiting(),
    (count) => count === 1,
    5000,
  );
  give(3);
  expect(await (await waiting).json()).toMatchObject({ match: { threshold: 0.03 } });
  const now = (await get(`/v1/workers/${worker}/config`)).headers.get('etag')!;
  expect((await get(`/v1/workers/${worker}/config`, { 'if-none-match': now, prefer: 'wait=1' })).status).toBe(
    304,
  );
  expect(configs.waiting()).toBe(0);
});

test('a caller that goes away is not waited for', async () => {
  const tag = (await get(`/v1/workers/${worker}/config`)).headers.get('etag')!;
  const leaving = new AbortController();
  const headers = { 'if-none-match': tag, prefer: 'wait=60' };
  const asked = fetch(`${url}/v1/workers/${worker}/config?uid=uid-default`, {
    headers,
    signal: leaving.signal,
  });
  await eventually(
    async () => configs.waiting(),
    (count) => count === 1,
    5000,
  );
  leaving.abort();
  await expect(asked).rejects.toThrow();
  await eventually(
    async () => configs.waiting(),
    (count) => count === 0,
    5000,
  );
});

test('workers of one name in two namespaces are told apart by the uid of their task, and nobody else is told anything', async () => {
  give(7, 'other');
  const path = `${url}/v1/workers/${worker}/config`;
  const thresholdOf = async (uid: string) =>
    ((await (await fetch(`${path}?uid=${uid}`)).json()) as { match: { threshold: number } }).match.threshold;
  expect(await thresholdOf('uid-other')).toBe(0.07);
  expect(await thresholdOf('uid-default')).not.toBe(0.07);
  for (const query of ['', '?uid=', '?uid=guessed', '?namespace=default'])
    expect((await fetch(`${path}${query}`)).status).toBe(404);
});

const info = {
  name: worker,
  namespace: 'default',
  ownerName: 'gate',
  ownerKind: 'MultiEdgeInference',
  kind: 'detect',
  status: 'running',
};
const tokenOf = (uid: string) => new TaskTokens([taskKey]).of(uid)[0]!;
const times = { startTime: '2025-01-31T12:00:00Z', currentTime: '2025-01-31T13:00:00Z' };
const post = (body: unknown, path = `/sedna/workers/${worker}/info`) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf('uid-default')}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

test.each([
  ['ownerInfo', 'findUnkownObject'],
  ['ownerInfo', 'findUnknownObject'],
  ['taskInfo', 'findUnkownObject'],
  ['taskInfo', 'findUnknownObject'],
])('a state in Sedna’s words with %s.%s becomes a report for the status function', async (field, flag) => {
  const results = [{ format: 'x', metrics: { frames: 12, note: 'none' } }];
  const response = await post({
    ...info,
    [field]: { trackingObjectNumber: 7, [flag]: true, ...times },
    results,
  });
  expect(response.status).toBe(202);
  expect(accepted).toHaveLength(1);
  const { event, url: to } = accepted[0]!;
  expect(to).toBe('http://gate-cloud.default.svc:8080/');
  expect(event.data).toMatchObject({
    task: 'gate',
    node: 'edge-1',
    worker,
    stage: 'detect',
    phase: 'Running',
    figures: { frames: 12 },
    output: { taskInfo: { trackingObjectNumber: 7, findUnknownObject: true } },
  });
  // The host of the status function takes exactly this.
  const { data, datacontenttype, ...attributes } = event;
  const decoded = fromEnvelope({
    attributes: { ...attributes, datacontenttype },
    data: { kind: 'value', value: data },
  });
  expect(decoded.data).toEqual(data);
});

test.each([
  ['no token', undefined],
  ['a token of nobody', 'x'.repeat(43)],
  ['the token of another task', tokenOf('uid-other')],
])('a report with %s is refused, and nothing of it is stored', async (_what, token) => {
  give(1, 'other');
  const response = await fetch(`${url}/sedna/workers/${worker}/info`, {
    method: 'POST',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify(info),
  });
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="task"']);
  expect(accepted).toEqual([]);
});

test('a second report has a higher sequence within the same millisecond', async () => {
  await post(info);
  await post(info);
  const [one, two] = accepted.map(({ event }) => (event.data as { sequence: number }).sequence);
  expect(two).toBeGreaterThan(one!);
});

test.each([
  [
    { ownerKind: 'FederatedLearningJob' },
    422,
    'ownerKind FederatedLearningJob is not known here: it must be MultiEdgeInference',
  ],
  [{ kind: 'train' }, 422, `kind train is no stage of worker ${worker}: it has ingest, detect, embed`],
  [{ kind: 'match' }, 422, `kind match is no stage of worker ${worker}: it has ingest, detect, embed`],
  [{ name: 'somebody' }, 422, `name is somebody, but the address says worker ${worker}`],
  [{ ownerName: 'other' }, 404, `worker ${worker} of task default/other is not known on this node`],
  [{ namespace: 'elsewhere' }, 404, `worker ${worker} of task elsewhere/gate is not known on this node`],
  [
    { status: 'dancing' },
    422,
    'status dancing is not known: it must be one of pending, starting, running, completed, succeeded, failed',
  ],
  [{ status: 7 }, 422, 'status must be a text of 1 to 253 characters'],
  [{ ownerInfo: [] }, 422, 'ownerInfo must be an object'],
  [
    { ownerInfo: { trackingObjectNumber: -1, ...times } },
    422,
    'ownerInfo.trackingObjectNumber must be a whole number, 0 or more',
  ],
  [
    { ownerInfo: { findUnkownObject: 'yes', ...times } },
    422,
    'ownerInfo.findUnknownObject must be true or false',
  ],
  [
    { ownerInfo: { trackingObjectNumber: 1, startTime: 'soon' } },
    422,
    'ownerInfo.startTime must be a time such as 2025-01-31T12:00:00Z',
  ],
  [{ results: 'none' }, 422, 'results must be a list of objects'],
])('%j is refused with the reason', async (change, status, error) => {
  const response = await post({ ...info, ...change });
  expect([response.status, await response.json()]).toEqual([status, { error }]);
  expect(accepted).toEqual([]);
});

test.each([
  ['{', 400, 'the body is no JSON'],
  ['[]', 400, 'the body is no JSON object'],
  ['null', 400, 'the body is no JSON object'],
  ['x'.repeat(300_000), 413, 'the body has more than 262144 bytes'],
])('a body such as %.20s is refused', async (body, status, error) => {
  const response = await post(body);
  expect([response.status, await response.json()]).toEqual([status, { error }]);
});

test('a full outbox is said, so that the worker tries again', async () => {
  isFull = true;
  const response = await post(info);
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
});

test.each([
  ['GET', '/', 404],
  ['GET', '/v1/workers/nobody/config', 404],
  ['GET', '/v1/workers/%zz/config', 404],
  ['GET', `/v1/workers/${'x'.repeat(5000)}/config`, 404],
  ['POST', `/v1/workers/${worker}/config`, 405],
  ['GET', `/sedna/workers/${worker}/info`, 405],
  ['GET', '/v1/workers/../../etc/passwd', 404],
])('%s %.60s is answered %d', async (method, path, status) => {
  expect((await fetch(`${url}${path}`, { method })).status).toBe(status);
  expect(log.lines).toEqual([]);
});
