// Questions about people over HTTP, as a match worker answers them from its store; and erasure, looked for in every byte that is left.
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { IdentitiesData, StageEvent, Tracklet, TrackletsData } from '../../../config/events.ts';
import type {
  Contact,
  Erased,
  Identity,
  Page,
  SearchResult,
  Track,
} from '../../../config/queries/answers.ts';
import type { WorkerConfig } from '../../../config/worker.ts';
import { questionRouter, type QuestionLimits } from '../../../functions/host/questions.ts';
import type { StageFunction } from '../../../functions/function.ts';
import { create } from '../../../functions/match/handler.ts';
import { encodeJpeg } from '../../../functions/media/images.ts';
import { interleave, makeWorld, random, testContext } from './world.ts';

const threadArgv = ['--import', './test/support/typescriptThreads.mjs'];
const token = { view: 'v'.repeat(20), operate: 'o'.repeat(20), other: 'x'.repeat(20) };
let folder: string;
const stages: StageFunction[] = [];
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'queries-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  for (const stage of stages.splice(0)) await stage.shutdown?.(testContext());
  rmSync(folder, { recursive: true, force: true });
});

function configOf(cameras: string[], match: Partial<WorkerConfig['match']> = {}): WorkerConfig {
  const source = { type: 'File' as const, realtime: false, transport: 'TCP' as const };
  return {
    task: { name: 'shop', namespace: 'default', uid: '', generation: 1 },
    worker: 'shop-match',
    node: 'cloud',
    stages: ['match'],
    cameras: cameras.map((id) => ({ id, source, mask: [] })),
    models: {
      embed: {
        name: 'fake',
        task: 'embed',
        uri: '/nowhere',
        sha256: 'digest',
        input: { width: 8, height: 16, resize: 'stretch' },
      },
    },
    detect: { threads: 1, params: {} },
    embed: { threads: 1, intervalS: 5, params: {} },
    match: {
      acrossCamera: true,
      mode: 'MultiObject',
      threshold: 0.5,
      votes: 2,
      overlaps: [],
      travel: [],
      targets: [],
      contacts: { method: 'Ellipse', distanceM: 1.8, minimumS: 0 },
      params: {},
      ...match,
    },
    sinks: {},
    storeFolder: folder,
    classes: ['person'],
  };
}

interface Asking {
  stage: StageFunction;
  context: ReturnType<typeof testContext>;
  ask: (path: string, options?: RequestInit) => Promise<Response>;
  get: <T>(path: string) => Promise<T>;
}

/** @param vector what the embedder makes of every picture */
async function serve(
  config: WorkerConfig,
  {
    tokens,
    vector,
    isLocal = true,
    limits,
  }: {
    tokens?: string;
    vector?: Float32Array;
    isLocal?: boolean;
    limits?: Partial<QuestionLimits>;
  } = {},
): Promise<Asking> {
  const context = testContext();
  const openModel = async () => async () => vector ?? new Float32Array(64);
  const stage = await create(config, context.log, { threadArgv, openModel });
  stages.push(stage);
  await stage.init?.(context);
  const app = express();
  const options = {
    task: config.task.name,
    tokensFile: tokens,
    isLocal,
    log: context.log,
    ...(limits && { limits }),
  };
  app.use('/api', questionRouter({ stage: stage as Required<StageFunction>, context, ...options }));
  const server = createServer(app).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
  const ask = (path: string, request?: RequestInit) => fetch(`${base}${path}`, request);
  return {
    stage,
    context,
    ask,
    async get<T>(path: string) {
      const answer = await ask(path);
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
      return JSON.parse(text) as T;
    },
  };
}

async function feed({ stage, context }: Asking, events: StageEvent[]) {
  for (const event of events) {
    const out = (await stage.handle(event, context)) as StageEvent<IdentitiesData> | undefined;
    if (out) context.emitted.push(out);
  }
}

const made = makeWorld(7, 12, 3, 0.3);
/** A name that can be looked for in a file. */
const unique = (camera: string, track: string) => `${track}-of-${camera}-zq`;
const world = {
  ...made,
  truth: new Map(
    [...made.truth].map(([key, person]) => {
      const [camera, track] = key.split('/') as [string, string];
      return [`${camera}/${unique(camera, track)}`, person];
    }),
  ),
};
/** Everybody stands at one place of each picture. */
const events = interleave(made, random(1), 0).map((event) => {
  const data = event.data as TrackletsData;
  const tracklets = data.tracklets?.map((one) => ({
    ...one,
    track: unique(data.camera, one.track),
    path: Float32Array.from([0, 1, 2].flatMap((after) => [after, 0.5, 0.9, 0.1, 0.4])),
  }));
  return tracklets ? { ...event, data: { ...data, tracklets } } : event;
});

async function allPages<T>({ get }: Asking, path: string): Promise<T[]> {
  const items: T[] = [];
  for (let after = ''; ;) {
    const page = await get<Page<T>>(`${path}${path.includes('?') ? '&' : '?'}limit=4${after}`);
    items.push(...page.items);
    expect(page.items.length).toBeLessThanOrEqual(4);
    if (page.next === undefined) return items;
    after = `&after=${page.next}`;
  }
}

test('the same question gets the same answer, in parts or as a whole, and after a restart', async () => {
  const first = await serve(configOf(world.cameras));
  await feed(first, events);
  const whole = await first.get<Page<Track>>('/tracks?limit=1000');
  expect(whole.items).toHaveLength(world.truth.size);
  expect(await allPages<Track>(first, '/tracks')).toEqual(whole.items);
  const identities = await allPages<Identity>(first, '/identities');
  expect(identities).toEqual((await first.get<Page<Identity>>('/identities?limit=1000')).items);
  expect(identities.reduce((sum, { tracks }) => sum + tracks, 0)).toBe(world.truth.size);
  const before = await (await first.ask('/identities')).text();
  await stages.pop()!.shutdown?.(first.context);
  const again = await serve(configOf(world.cameras));
  expect(await (await again.ask('/identities')).text()).toBe(before);
});

test('where somebody was between two times: by name, by track, by vector and by picture', async () => {
  const asking = await serve(configOf(world.cameras), { vector: undefined as never });
  await feed(asking, events);
  const [{ identity } = { identity: '' }] = (await asking.get<Page<Identity>>('/identities')).items.filter(
    ({ tracks }) => tracks > 2,
  );
  const all = (await asking.get<Page<Track>>(`/identities/${identity}?path=true`)).items;
  expect(all.every((track) => track.identity === identity && track.reason !== null)).toBe(true);
  expect(all.flatMap(({ path = [] }) => path).length).toBeGreaterThan(0);
  const [middle] = all.slice(1);
  const at = middle!.from + 0.001;
  const then = (await asking.get<Page<Track>>(`/identities/${identity}?from=${at}&to=${at}`)).items;
  expect(then.map(({ camera, track }) => `${camera}/${track}`)).toEqual(
    all.filter(({ from, to }) => from <= at && to >= at).map(({ camera, track }) => `${camera}/${track}`),
  );
  const { camera, track } = all[0]!;
  expect(await asking.get(`/tracks/${camera}/${track}`)).toEqual({ ...all[0], path: undefined });
  const json = (body: object) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const found = (await (await asking.ask('/search', json({ camera, track }))).json()) as SearchResult;
  expect(found.compared).toBe(world.truth.size);
  expect(found.items[0]).toMatchObject({ identity, isSame: true });
  expect(found.items[0]!.score).toBeCloseTo(1, 2);
  const truth = world.truth.get(`${camera}/${track}`);
  const people = found.items[0]!.tracks.map((each) => world.truth.get(`${each.camera}/${each.track}`));
  expect(people.filter((person) => person === truth).length / people.length).toBeGreaterThan(0.9);

  const vector = vectorOf(events, camera, track);
  const byVector = (await (
    await asking.ask('/search', json({ vector: [...vector] }))
  ).json()) as SearchResult;
  expect(byVector.items[0]).toMatchObject({ identity, isSame: true });

  await stages.pop()!.shutdown?.(asking.context);
  const seeing = await serve(configOf(world.cameras), { vector });
  const picture = await encodeJpeg({ pixels: new Uint8Array(20 * 40 * 3), width: 20, height: 40 });
  const byPicture = await seeing.ask('/search?limit=3', {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: picture,
  });
  expect(byPicture.status).toBe(200);
  expect(((await byPicture.json()) as SearchResult).items[0]).toEqual({
    ...byVector.items[0],
    tracks: byVector.items[0]!.tracks.slice(0, 3),
  });
});

test.each([
  ['GET', '/tracks?limit=0', 400, 'limit: must be a whole number from 1 to 1000'],
  ['GET', '/tracks?from=yesterday', 400, 'from: must be seconds'],
  ['GET', '/tracks?from=5&to=4', 400, 'from: must not lie after to'],
  ['GET', '/tracks?frm=5', 400, 'frm: not known here; known are from, to'],
  ['GET', '/tracks?after=e30', 422, 'after: give `next`'],
  ['GET', '/identities/nobody', 404, 'nobody is called nobody'],
  ['GET', '/nothing', 404, 'there is no such question'],
  ['PUT', '/tracks', 405, 'this takes GET'],
  ['POST', '/search', 415, 'send a picture as image/jpeg'],
])('%s %s is refused in one line', async (method, path, status, detail) => {
  const asking = await serve(configOf(world.cameras));
  await feed(asking, events.slice(0, 5));
  const answer = await asking.ask(path, { method });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(((await answer.json()) as { detail: string }).detail).toContain(detail);
});

test.each([
  ['no picture', 'image/jpeg', 'hello', 422, 'is not JPEG, PNG or WebP'],
  ['no JSON', 'application/json', '{', 422, 'the body is no JSON object'],
  ['a vector of another length', 'application/json', '{"vector":[1,2]}', 422, 'the vector has 2 numbers'],
  ['a vector without direction', 'application/json', '{"vector":[0,0]}', 422, 'the vector has no direction'],
  ['an unknown track', 'application/json', '{"camera":"a","track":"b"}', 404, 'camera a has no such track'],
])('a search for %s is refused in one line', async (_what, type, body, status, detail) => {
  const asking = await serve(configOf(world.cameras));
  await feed(asking, events.slice(0, 40));
  const answer = await asking.ask('/search', { method: 'POST', headers: { 'content-type': type }, body });
  expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
    status,
    expect.stringContaining(detail) as unknown,
  ]);
});

test('only whoever has a token of the task is answered, and only operators change anything', async () => {
  const tokens = join(folder, 'tokens');
  writeFileSync(
    tokens,
    `guard view shop ${token.view}\nchief operate * ${token.operate}\nneighbour operate bakery ${token.other}\n`,
  );
  const asking = await serve(configOf(world.cameras), { tokens, isLocal: false });
  const as = async (name: keyof typeof token | undefined, path: string, method = 'GET') =>
    (await asking.ask(path, { method, ...(name && { headers: { authorization: `Bearer ${token[name]}` } }) }))
      .status;
  expect(await as(undefined, '/status')).toBe(401);
  expect(await as('other', '/status')).toBe(401);
  expect(await as('view', '/status')).toBe(200);
  expect(await as('view', '/identities/p-x', 'DELETE')).toBe(403);
  expect(await as('operate', '/identities/p-x', 'DELETE')).toBe(404);
  const closed = await serve(configOf(world.cameras), { isLocal: false });
  expect((await closed.ask('/status')).status).toBe(401);
});

test('without tokens a page of another site or another name of this machine is refused', async () => {
  const asking = await serve(configOf(world.cameras));
  expect((await asking.ask('/status')).status).toBe(200);
  expect((await asking.ask('/status', { headers: { origin: 'https://evil.example' } })).status).toBe(403);
  expect((await asking.ask('/status', { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
});

test('an answer that takes too long is given up, and the next question is answered', async () => {
  const asking = await serve(configOf(world.cameras), { limits: { deadlineMs: 1 } });
  expect((await asking.ask('/tracks')).status).toBe(503);
  const patient = await serve({ ...configOf(world.cameras), worker: 'other' });
  await feed(asking, events.slice(0, 30));
  expect((await patient.ask('/tracks')).status).toBe(200);
});

test('nothing outside of the window of the task is told', async () => {
  const whole = await serve(configOf(world.cameras));
  await feed(whole, events);
  const { items } = await whole.get<Page<Track>>('/tracks?limit=1000');
  await stages.pop()!.shutdown?.(whole.context);
  const [startS, endS] = [items[5]!.from, items[15]!.from];
  const part = await serve({
    ...configOf(world.cameras),
    timing: { mode: 'History', window: { startS, endS } },
  });
  const told = await part.get<Page<Track>>('/tracks?limit=1000');
  expect(told.items).toEqual(items.filter(({ from, to }) => to >= startS && from <= endS));
  expect(told.items.length).toBeLessThan(items.length);
});

test('somebody who was erased is in no byte of any file, and does not come back', async () => {
  const asking = await serve(configOf(world.cameras));
  const met: StageEvent[] = [...events.slice(0, -3)];
  await feed(asking, met);
  const [person] = (await asking.get<Page<Identity>>('/identities')).items.filter(({ tracks }) => tracks > 2);
  const tracks = (await asking.get<Page<Track>>(`/identities/${person!.identity}`)).items;
  const others = (await asking.get<Page<Track>>('/tracks?limit=1000')).items.filter(
    ({ identity }) => identity !== person!.identity,
  );
  const traits = traitsOf(events, tracks, person!.identity);
  const kept = traitsOf(events, others.slice(0, 3), others[0]!.identity!);
  const before = bytesOf(folder);
  const seen = traits.filter((trait) => before.includes(trait));
  expect(seen.length).toBeGreaterThan(tracks.length);
  expect(tracks.every(({ track }) => seen.some((trait) => trait.toString() === track))).toBe(true);

  const answer = await asking.ask(`/identities/${person!.identity}`, { method: 'DELETE' });
  expect(answer.status).toBe(200);
  const erased = (await answer.json()) as Erased;
  expect(erased.tracks).toBe(tracks.length);
  expect(erased.vectors).toBeGreaterThan(0);
  const after = bytesOf(folder);
  expect(traits.filter((trait) => after.includes(trait)).map(String)).toEqual([]);
  expect(kept.filter((trait) => after.includes(trait)).length).toBeGreaterThan(0);
  expect(asking.context.emitted.at(-1)!.data).toMatchObject({
    changes: [{ kind: 'erased', identity: person!.identity }],
  });

  // What comes late, or once more, of the same tracks.
  const late = met.filter((event) =>
    (event.data as TrackletsData).tracklets?.some((one) =>
      tracks.some(({ camera, track }) => camera === event.partitionkey && track === one.track),
    ),
  );
  expect(late.length).toBeGreaterThan(0);
  await feed(asking, late);
  await feed(asking, events.slice(-3));
  expect((await asking.ask(`/identities/${person!.identity}`)).status).toBe(404);
  await stages.pop()!.shutdown?.(asking.context);
  const again = await serve(configOf(world.cameras));
  await feed(again, late);
  const left = (await again.get<Page<Track>>('/tracks?limit=1000')).items;
  const isOwn = (each: Track) =>
    tracks.some(({ camera, track }) => camera === each.camera && track === each.track);
  expect(left.filter(isOwn)).toEqual([]);
  const end = bytesOf(folder);
  expect(traits.filter((trait) => end.includes(trait)).map(String)).toEqual([]);
});

test('contacts of a person are told, and go with the person', async () => {
  const asking = await serve(configOf(world.cameras));
  await feed(asking, events);
  const { items } = await asking.get<Page<Contact>>('/contacts?limit=1000');
  expect(items.length).toBeGreaterThan(0);
  const [identity] = items[0]!.identities;
  const own = await asking.get<Page<Contact>>(`/contacts?limit=1000&identity=${identity}`);
  expect(own.items).toEqual(items.filter(({ identities }) => identities.includes(identity!)));
  await asking.ask(`/identities/${identity}`, { method: 'DELETE' });
  const left = await asking.get<Page<Contact>>('/contacts?limit=1000');
  expect(left.items).toEqual(items.filter(({ identities }) => !identities.includes(identity!)));
});

test('a picture that is given while it runs is looked for at once, and no longer once it is taken back', async () => {
  const [tracklet] = trackletsIn(events);
  const vector = vectorOf(events, tracklet!.camera, tracklet!.track);
  const asking = await serve(configOf(world.cameras), { vector });
  await feed(asking, events);
  const picture = await encodeJpeg({ pixels: new Uint8Array(20 * 40 * 3), width: 20, height: 40 });
  const headers = { 'content-type': 'image/jpeg' };
  const bad = await asking.ask('/targets/anna/images', { method: 'POST', headers, body: 'no picture' });
  expect(bad.status).toBe(422);
  const added = await asking.ask('/targets/anna/images', { method: 'POST', headers, body: picture });
  expect(await added.json()).toMatchObject({ target: 'anna', isInTask: false, images: [expect.any(String)] });
  expect((await asking.get<{ targets: string[] }>('/status')).targets).toEqual(['anna']);
  await asking.ask('/targets/anna', { method: 'DELETE' });
  expect((await asking.get<{ targets: string[] }>('/status')).targets).toEqual([]);
});

function trackletsIn(of: StageEvent[]): { camera: string; track: string; tracklet: Tracklet }[] {
  return of.flatMap((event) => {
    const data = event.data as TrackletsData;
    return (data.tracklets ?? []).map((tracklet) => ({
      camera: data.camera,
      track: tracklet.track,
      tracklet,
    }));
  });
}

function prototypesOf(of: StageEvent[], camera: string, track: string) {
  return trackletsIn(of)
    .filter((each) => each.camera === camera && each.track === track)
    .flatMap(({ tracklet }) => tracklet.prototypes);
}

function vectorOf(of: StageEvent[], camera: string, track: string): Float32Array {
  const { vector, scale } = prototypesOf(of, camera, track)[0]!;
  return Float32Array.from(vector, (value) => value * scale);
}

/** What would tell of a person: names, and each vector in all forms in which one could be kept. */
function traitsOf(of: StageEvent[], tracks: Track[], identity: string): Buffer[] {
  const names = tracks.map(({ track }) => Buffer.from(`${track}`));
  const vectors = tracks.flatMap(({ camera, track }) =>
    prototypesOf(of, camera, track).flatMap(({ vector, scale }) => {
      const floats = Float32Array.from(vector, (value) => value * scale);
      const raw = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
      const fp32 = Buffer.from(floats.buffer);
      const fp16 = Buffer.from(Uint16Array.from(floats, half).buffer);
      // The middle of each: whatever lies before and after it in a file.
      return [raw, fp32, fp16].flatMap((form) => {
        const middle = form.subarray(12, 48);
        return [
          middle,
          Buffer.from(middle.toString('base64')),
          Buffer.from(JSON.stringify([...middle]).slice(1, -1)),
        ];
      });
    }),
  );
  return [...names, Buffer.from(identity), ...vectors];
}

function half(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0]!;
  const exponent = ((bits >>> 23) & 255) - 112;
  return ((bits >>> 16) & 0x8000) | (exponent <= 0 ? 0 : (exponent << 10) | ((bits >>> 13) & 0x3ff));
}

function bytesOf(of: string): Buffer {
  const files = readdirSync(of, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Buffer.concat(files.map((entry) => readFileSync(join(entry.parentPath, entry.name))));
}
