import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import nock from 'nock';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { Reflector, type ReflectorTiming } from '../../controller/reflector.ts';
import { podResource } from '../../controller/resources.ts';
import { api, event, failure, fakeCluster, podList, watches } from './apiServer.ts';
import { recordingLog } from './recordingLog.ts';

beforeAll(() => nock.disableNetConnect());
// The next test file of this process must reach real servers again.
afterAll(() => {
  nock.enableNetConnect();
  nock.restore();
});

let ending: AbortController;
beforeEach(() => {
  ending = new AbortController();
});
afterEach(() => {
  ending.abort();
  nock.abortPendingRequests();
  nock.cleanAll();
});

/** A reflector of pods that runs until the test ends; `next()` waits for the name of the next changed one. */
function start(timing: Partial<ReflectorTiming> = {}, onName: (name: string) => void = () => {}) {
  const log = recordingLog();
  const changed: string[] = [];
  let wake = () => {};
  const reflector = new Reflector<string>({
    cluster: fakeCluster(),
    resource: podResource,
    labelSelector: 'app=x',
    project: (object: Manifest) => object.metadata.name,
    onChange: (name) => {
      onName(name);
      changed.push(name);
      wake();
    },
    log,
    timing: { backoff: { minMs: 5, maxMs: 20 }, ...timing },
  });
  const running = reflector.run(ending.signal);
  async function next(): Promise<string> {
    while (changed.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return changed.shift()!;
  }
  return { reflector, log, next, running, names: () => [...reflector.values()] };
}

function list(names: string[], version: string) {
  return api()
    .get('/api/v1/pods')
    .query({ limit: '100', labelSelector: 'app=x' })
    .reply(200, podList(names, version));
}

test('lists page by page, then watches from there, with bookmarks', async () => {
  api()
    .get('/api/v1/pods')
    .query({ limit: '100', labelSelector: 'app=x' })
    .reply(200, podList(['a'], '7', 'p2'));
  api()
    .get('/api/v1/pods')
    .query({ limit: '100', labelSelector: 'app=x', continue: 'p2' })
    .reply(200, podList(['b'], '7'));
  const watching = watches('pods');
  const { reflector, next, names } = start();
  const { query, stream } = await watching.next();
  await reflector.synced;
  expect(names()).toEqual(['a', 'b']);
  expect(Object.fromEntries(query)).toMatchObject({
    resourceVersion: '7',
    allowWatchBookmarks: 'true',
    labelSelector: 'app=x',
  });
  expect(Number(query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(30);
  stream.write(event('ADDED', 'c', '8') + event('DELETED', 'a', '9'));
  expect([await next(), await next(), await next(), await next()]).toEqual(['a', 'b', 'c', 'a']);
  expect(names()).toEqual(['b', 'c']);
  expect(reflector.isCurrent).toBe(true);
});

test('is not synced before a list is complete: 429, 5xx and a cut page only delay it', async () => {
  const page = () => api().get('/api/v1/pods').query(true);
  page().reply(429, failure(429, 'TooManyRequests'));
  page().reply(500, failure(500, 'InternalError'));
  page().reply(200, podList(['a'], '7', 'p2'));
  page().reply(503, 'the second page never comes');
  page().reply(200, '{"items": [');
  list(['b'], '8');
  const watching = watches('pods');
  const { reflector, names, log } = start();
  let isSynced = false;
  void reflector.synced.then(() => (isSynced = true));
  expect(reflector.isCurrent).toBe(false);
  await watching.next();
  expect([isSynced, names()]).toEqual([true, ['b']]);
  expect(log.lines.length).toBe(4);
});

test('Retry-After of a list is honoured', async () => {
  api().get('/api/v1/pods').query(true).reply(429, failure(429, 'TooManyRequests'), { 'retry-after': '1' });
  list(['a'], '7');
  const before = performance.now();
  const { reflector } = start();
  await reflector.synced;
  expect(performance.now() - before).toBeGreaterThanOrEqual(990);
});

test.each([
  ['410 Expired', failure(410, 'Expired')],
  ['500 of the storage', failure(500, 'InternalError')],
  ['an error without a code', { kind: 'Status', message: 'something broke' }],
])('ERROR in the stream (%s) means a new list, and who is missing there was deleted', async (_, object) => {
  list(['a', 'b'], '7');
  const watching = watches('pods');
  const { next, names } = start();
  const first = await watching.next();
  await next();
  await next();
  list(['b', 'c'], '20');
  first.stream.write(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  const second = await watching.next();
  expect(second.query.get('resourceVersion')).toBe('20');
  expect([await next(), await next(), await next()]).toEqual(['a', 'b', 'c']);
  expect(names()).toEqual(['b', 'c']);
});

test('a watch that the server has no time for goes on later where it was, and not before the server says', async () => {
  list(['a'], '7');
  const watching = () =>
    api()
      .get('/api/v1/pods')
      .query((query) => query['watch'] === 'true' && query['resourceVersion'] === '7');
  watching().reply(503, failure(503, 'ServiceUnavailable'));
  watching().reply(429, failure(429, 'TooManyRequests'), { 'retry-after': '1' });
  const { reflector, log } = start();
  await reflector.synced;
  const before = performance.now();
  const { query } = await watches('pods').next();
  expect(query.get('resourceVersion')).toBe('7');
  expect(performance.now() - before).toBeGreaterThanOrEqual(900);
  expect(log.lines.length).toBe(2);
});

test('a token for the next page that has expired means a new list from its beginning', async () => {
  const page = (query: object) =>
    api()
      .get('/api/v1/pods')
      .query({ limit: '100', labelSelector: 'app=x', ...query });
  page({}).reply(200, podList(['a', 'deleted-meanwhile'], '7', 'p2'));
  page({ continue: 'p2' }).reply(410, failure(410, 'Expired'));
  page({}).reply(200, podList(['a'], '9', 'p2'));
  page({ continue: 'p2' }).reply(200, podList(['b'], '9'));
  const watching = watches('pods');
  const { reflector, names } = start();
  const { query } = await watching.next();
  await reflector.synced;
  expect([query.get('resourceVersion'), names()]).toEqual(['9', ['a', 'b']]);
});

test('a list that stops in the middle, with its connection open, is asked for again', async () => {
  const stuck = new PassThrough();
  stuck.write('{"metadata": {');
  api().get('/api/v1/pods').query(true).reply(200, stuck);
  list(['a'], '7');
  const { reflector, names } = start();
  await reflector.synced;
  expect(names()).toEqual(['a']);
});

test('a handler that throws is told again: nothing is lost, nothing ends the process', async () => {
  list(['a'], '7');
  const watching = watches('pods');
  let hasThrown = false;
  const { log, next } = start({}, (name) => {
    if (name !== 'b' || hasThrown) return;
    hasThrown = true;
    throw new Error('it has a flaw');
  });
  const first = await watching.next();
  list(['a', 'b'], '8');
  first.stream.write(event('ADDED', 'b', '8'));
  await watching.next();
  expect([await next(), await next(), await next()]).toEqual(['a', 'a', 'b']);
  expect(log.lines.join()).toContain('it has a flaw');
});

test('a watch that is refused with 410 means a new list too', async () => {
  list(['a'], '7');
  api()
    .get('/api/v1/pods')
    .query((query) => query['watch'] === 'true')
    .reply(410, failure(410, 'Expired'));
  const { reflector } = start();
  await reflector.synced;
  list(['b'], '9');
  const { query } = await watches('pods').next();
  expect(query.get('resourceVersion')).toBe('9');
});

test('a stream that ends goes on from the last bookmark, without a list', async () => {
  list(['a'], '7');
  const watching = watches('pods');
  start();
  const first = await watching.next();
  first.stream.end(event('ADDED', 'b', '8') + event('BOOKMARK', '', '15'));
  const second = await watching.next();
  expect(second.query.get('resourceVersion')).toBe('15');
});

test('a stream that is cut, also in the middle of an event, goes on where it was', async () => {
  list(['a'], '7');
  const watching = watches('pods');
  const { names, next } = start();
  const first = await watching.next();
  const whole = event('ADDED', 'b', '8');
  first.stream.end(whole + event('ADDED', 'c', '9').slice(0, 40));
  const second = await watching.next();
  expect(second.query.get('resourceVersion')).toBe('8');
  second.stream.write(event('ADDED', 'c', '9').slice(0, 40));
  second.stream.write(event('ADDED', 'c', '9').slice(40));
  expect([await next(), await next(), await next()]).toEqual(['a', 'b', 'c']);
  expect(names()).toEqual(['a', 'b', 'c']);
  second.stream.destroy(new Error('connection reset'));
  const third = await watching.next();
  expect(third.query.get('resourceVersion')).toBe('9');
});

test('a half-open connection is given up by the watchdog; bookmarks are signs of life', async () => {
  list(['a'], '7');
  const watching = watches('pods');
  const { log } = start({ idleMs: 150 });
  const first = await watching.next();
  for (let version = 8; version < 12; version++) {
    await delay(60);
    first.stream.write(event('BOOKMARK', '', String(version)));
  }
  const second = await watching.next();
  expect(second.query.get('resourceVersion')).toBe('11');
  expect(log.lines).toEqual([]);
});

test('a kind of which nothing changes is no failure: its silent streams follow each other at once', async () => {
  list(['a'], '7');
  const watching = watches('pods');
  let pauses = 0;
  const random = () => ++pauses;
  const { log, reflector, next } = start({ idleMs: 400, backoff: { minMs: 10, maxMs: 40, random } });
  await next();
  for (let round = 0; round < 4; round++) {
    const { query, stream } = await watching.next();
    expect(query.get('resourceVersion')).toBe('7');
    // The answer begins, and has nothing in it.
    stream.write('\n');
  }
  const { stream } = await watching.next();
  stream.write(event('ADDED', 'b', '8'));
  expect(await next()).toBe('b');
  expect([reflector.isCurrent, pauses, log.lines]).toEqual([true, 0, []]);
});

test('a connection that hangs before the answer begins is given up as well', async () => {
  list(['a'], '7');
  api()
    .get('/api/v1/pods')
    .query((query) => query['watch'] === 'true')
    .delay(60_000)
    .reply(200, '');
  const watching = watches('pods');
  const { reflector, log } = start({ idleMs: 100 });
  const { stream } = await watching.next();
  stream.write(event('BOOKMARK', '', '8'));
  while (!reflector.isCurrent) await new Promise((resolve) => setImmediate(resolve));
  expect(log.lines.join()).toContain('no answer for 100 ms');
});

test('a server that ends every stream at once is not asked without end', async () => {
  list(['a'], '7');
  let asked = 0;
  api()
    .persist()
    .get('/api/v1/pods')
    .query((query) => query['watch'] === 'true')
    .reply(200, () => {
      asked++;
      return '';
    });
  start({ backoff: { minMs: 100, maxMs: 400, random: () => 1 } });
  await delay(750);
  expect(asked).toBeGreaterThan(1);
  expect(asked).toBeLessThanOrEqual(4);
});

test('ends when asked to, in the middle of a stream', async () => {
  list(['a'], '7');
  const watching = watches('pods');
  const { running, reflector } = start();
  await watching.next();
  ending.abort();
  await running;
  expect(reflector.isCurrent).toBe(false);
});
