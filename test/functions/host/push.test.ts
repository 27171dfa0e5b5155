// Cameras that push, over real HTTP: tokens, rates, sizes and the webhook handshake.
import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import type { CameraConfig } from '../../../config/worker.ts';
import type { StageFunction } from '../../../functions/function.ts';
import { RateLimit } from '../../../functions/host/rateLimit.ts';
import { TokenFile } from '../../../functions/host/tokenFile.ts';
import { digestOfToken } from '../../../functions/tokens.ts';
import { cleanUp, frame, recordingLog, start, until } from './support.ts';

const tokens = { door: 'token-of-door-0123456789', yard: 'token-of-yard-9876543210' };
const wrong = 'token-of-nobody-000000000';
let folder: string;
let taken: { camera: string }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'push-'));
  taken = [];
  for (const [camera, token] of Object.entries(tokens)) writeFileSync(join(folder, camera), `${token}\n`);
});
afterEach(async () => {
  await cleanUp();
  rmSync(folder, { recursive: true });
});

const stage: StageFunction = {
  async handle(event) {
    taken.push(event.data as { camera: string });
  },
};

type Push = Partial<NonNullable<CameraConfig['source']['push']>>;

function camera(id: string, push: Push = {}): CameraConfig {
  const tokenFileEnv = `${id.toUpperCase()}_TOKEN_FILE`;
  const source: CameraConfig['source'] = {
    type: 'Push',
    realtime: false,
    transport: 'TCP',
    push: { tokenFileEnv, picturesPerSecond: 30, origins: [], ...push },
  };
  return { id, source, mask: [] };
}

/** A worker that the network reaches, with cameras door and yard. */
async function worker(push: Push = {}, more: Parameters<typeof start>[1] = {}) {
  const environment = { DOOR_TOKEN_FILE: join(folder, 'door'), YARD_TOKEN_FILE: join(folder, 'yard') };
  const cameras = [camera('door', push), camera('yard')];
  return await start({ ingest: stage }, { host: '0.0.0.0', environment, config: { cameras }, ...more });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const picture = { 'content-type': 'image/jpeg' };

async function post(url: string, headers: Record<string, string> = {}, body: RequestInit['body'] = 'x') {
  const answer = await fetch(url, { method: 'POST', headers: { ...picture, ...headers }, body });
  const text = await answer.text();
  expect(text).not.toMatch(/token-of|at .*\.ts/);
  return {
    status: answer.status,
    headers: answer.headers,
    detail: text === '' ? '' : (JSON.parse(text) as { detail: string }).detail,
  };
}

const binary = (subject: string, id = '1') => ({
  'ce-specversion': '1.0',
  'ce-id': id,
  'ce-source': '/c',
  'ce-type': eventTypes.image,
  'ce-subject': subject,
});
const structured = (subject: string, id = '1') => ({
  specversion: '1.0',
  id,
  source: '/c',
  type: eventTypes.image,
  subject,
  datacontenttype: 'image/jpeg',
  data_base64: 'AAAA',
});

describe('tokens', () => {
  test.each<[string, string, Record<string, string>, number]>([
    ['its own token', 'door', bearer(tokens.door), 202],
    [
      'its own token, other spelling of the scheme',
      'door',
      { authorization: `bearer  ${tokens.door} ` },
      202,
    ],
    ['no token', 'door', {}, 401],
    ['a wrong token', 'door', bearer(wrong), 401],
    ['a token with a letter less', 'door', bearer(tokens.door.slice(0, -1)), 401],
    ['an empty token', 'door', { authorization: 'Bearer ' }, 401],
    ['another scheme', 'door', { authorization: `Basic ${btoa(`door:${tokens.door}`)}` }, 401],
    ['the token of another camera', 'door', bearer(tokens.yard), 403],
    ['a token, for a camera that is none', 'attic', bearer(tokens.yard), 403],
    ['no token, for a camera that is none', 'attic', {}, 401],
  ])('pictures with %s, for %s', async (_what, id, headers, status) => {
    const { url } = await worker();
    const plain = await post(`${url}cameras/${id}/frames`, headers);
    const inHeaders = await post(url, { ...headers, ...binary(id) });
    const inBody = await post(
      url,
      { ...headers, 'content-type': 'application/cloudevents+json' },
      JSON.stringify(structured(id, '2')),
    );
    expect([plain.status, inHeaders.status, inBody.status]).toEqual([status, status, status]);
    for (const answer of [plain, inHeaders, inBody])
      expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer realm="cameras"' : null);
    await until(() => taken.length === (status === 202 ? 3 : 0), 'the pictures');
  });

  test('in the address, for senders that can set no header; nobody keeps the answer', async () => {
    const { url } = await worker();
    const answer = await post(`${url}cameras/door/frames?access_token=${tokens.door}`);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([202, 'private, no-store']);
    expect((await post(`${url}?access_token=${tokens.yard}`, binary('door'))).status).toBe(403);
    expect((await post(`${url}cameras/door/frames?access_token=${wrong}`)).status).toBe(401);
    expect(
      (await post(`${url}cameras/door/frames?access_token=${tokens.door}&access_token=${wrong}`)).status,
    ).toBe(400);
    expect(
      (await post(`${url}cameras/door/frames?access_token=${tokens.door}`, bearer(tokens.door))).status,
    ).toBe(400);
  });

  test('a batch is refused as a whole when one picture is not the sender’s', async () => {
    const { url } = await worker();
    const body = JSON.stringify([structured('door', '1'), structured('yard', '2')]);
    const answer = await post(
      url,
      { ...bearer(tokens.door), 'content-type': 'application/cloudevents-batch+json' },
      body,
    );
    expect([answer.status, taken.length]).toEqual([403, 0]);
  });

  test('a header that names the own camera does not open the way for another in the body', async () => {
    const { url } = await worker();
    const headers = {
      ...bearer(tokens.door),
      ...binary('door'),
      'content-type': 'application/cloudevents+json',
    };
    expect((await post(url, headers, JSON.stringify(structured('yard')))).status).toBe(403);
    expect(taken).toEqual([]);
  });

  test('cameras open no way to the stages behind ingest', async () => {
    const { url } = await start(
      { ingest: stage, detect: stage },
      {
        host: '0.0.0.0',
        environment: { DOOR_TOKEN_FILE: join(folder, 'door') },
        config: { cameras: [camera('door')] },
      },
    );
    const { data: _, ...attributes } = frame('door', 1);
    const forged = {
      specversion: '1.0',
      ...attributes,
      type: eventTypes.stream,
      data: { camera: 'door', state: 'ended', time: 1 },
    };
    const headers = { 'content-type': 'application/cloudevents+json' };
    expect(await post(url, { ...headers, ...bearer(tokens.door) }, JSON.stringify(forged))).toMatchObject({
      status: 403,
      detail: 'this worker takes pictures only',
    });
    expect((await post(url, headers, JSON.stringify(forged))).status).toBe(403);
    expect(taken).toEqual([]);
  });

  test('nothing of the body is read before the token is known', async () => {
    const { url } = await worker();
    const status = await new Promise<number>((resolve, reject) => {
      const sending = httpRequest(
        `${url}cameras/door/frames`,
        { method: 'POST', headers: { ...picture, 'content-length': 1_000_000 } },
        (answer) => {
          resolve(answer.statusCode!);
          sending.destroy();
        },
      );
      sending.on('error', reject);
      sending.flushHeaders();
    });
    expect(status).toBe(401);
  });

  test('a token that was replaced counts no more, the new one does, without a restart', async () => {
    const { url } = await worker();
    expect((await post(`${url}cameras/door/frames`, bearer(tokens.door))).status).toBe(202);
    writeFileSync(join(folder, 'next'), 'token-of-door-second-one\n');
    renameSync(join(folder, 'next'), join(folder, 'door'));
    const statusOf = async (token: string) => (await post(`${url}cameras/door/frames`, bearer(token))).status;
    const deadline = performance.now() + 10_000;
    while ((await statusOf('token-of-door-second-one')) !== 202 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await statusOf('token-of-door-second-one')).toBe(202);
    expect(await statusOf(tokens.door)).toBe(401);
  });

  test('while its tokens cannot be read a camera is told to come again, and others go on', async () => {
    unlinkSync(join(folder, 'door'));
    const { lines, log } = recordingLog();
    const { url } = await worker({}, { log });
    for (let i = 0; i < 5; i++) {
      const answer = await post(`${url}cameras/door/frames`, bearer(tokens.door));
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
      expect(answer.detail).toBe('the tokens of camera door cannot be read');
    }
    expect((await post(`${url}cameras/yard/frames`, bearer(tokens.yard))).status).toBe(202);
    const warnings = lines.filter(({ message }) => message === 'push refused');
    expect(warnings).toEqual([
      expect.objectContaining({ keys: { camera: 'door', reason: 'its tokens cannot be read: ENOENT' } }),
    ]);
  });

  test('without tokens a camera is open to its own machine only', async () => {
    const open = {
      ...camera('door'),
      source: { type: 'Push', realtime: false, transport: 'TCP' },
    } as CameraConfig;
    const local = await start({ ingest: stage }, { config: { cameras: [open] } });
    expect((await post(`${local.url}cameras/door/frames`)).status).toBe(202);
    expect((await post(`${local.url}cameras/attic/frames`)).status).toBe(404);
    expect((await post(`${local.url}cameras/door/frames`, bearer(wrong))).status).toBe(401);
    const open2 = await start({ ingest: stage }, { host: '0.0.0.0', config: { cameras: [open] } });
    expect((await post(`${open2.url}cameras/door/frames`)).status).toBe(401);
  });
});

describe('the file of tokens', () => {
  const held = (text: string, token: string) => {
    const path = join(folder, 'file');
    writeFileSync(path, text);
    const file = new TokenFile(path, () => 0);
    return file.problem ?? file.holds(digestOfToken(token));
  };

  test('one a line, so that a new one may come before the old one goes', () => {
    expect(held(`${tokens.door}\r\n\n  ${tokens.yard}  `, tokens.yard)).toBe(true);
    expect(held(`${tokens.door}\n${tokens.yard}`, wrong)).toBe(false);
  });

  test.each([
    ['nothing', '', 'it holds no token'],
    ['a token that can be guessed', 'short', /16 to 1024 visible ASCII/],
    ['a space in the middle', 'with a space in the middle', /visible ASCII/],
    ['a token that is too long', 'x'.repeat(2000), /visible ASCII/],
    ['too many tokens', 'token-of-somebody-1\n'.repeat(40), /more than 32 tokens/],
    ['too many bytes', 'x'.repeat(70_000), /more than 65536 bytes/],
  ])('with %s it lets nobody in', (_what, text, problem) => {
    expect(held(text, text)).toEqual(expect.stringMatching(problem));
  });

  test('is read again when it changed, also behind the links of a Secret, and forgotten when it is gone', () => {
    let now = 0;
    const [one, two] = ['..1', '..2'].map((name) => join(folder, name)) as [string, string];
    for (const [place, token] of [
      [one, tokens.door],
      [two, tokens.yard],
    ] as const) {
      mkdirSync(place);
      writeFileSync(join(place, 'token'), token);
    }
    const point = (to: string) => {
      symlinkSync(to, join(folder, '..tmp'));
      renameSync(join(folder, '..tmp'), join(folder, '..data'));
    };
    point(one);
    const file = new TokenFile(join(folder, '..data', 'token'), () => now);
    const both = () => [file.holds(digestOfToken(tokens.door)), file.holds(digestOfToken(tokens.yard))];
    expect(both()).toEqual([true, false]);
    point(two);
    now += 1001;
    expect(both()).toEqual([false, true]);
    unlinkSync(join(two, 'token'));
    now += 1001;
    expect([both(), file.problem]).toEqual([[false, false], 'ENOENT']);
    writeFileSync(join(two, 'token'), tokens.door);
    now += 1001;
    expect(both()).toEqual([true, false]);
  });
});

describe('how much', () => {
  test('a camera that sends too often hears 429 and when to come again; another one does not', async () => {
    const { url } = await worker({ picturesPerSecond: 0.2 });
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await post(`${url}cameras/door/frames`, bearer(tokens.door)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 429, 429]);
    expect(Number(answers[2]!.headers.get('retry-after'))).toBeGreaterThanOrEqual(4);
    expect(Number(answers[2]!.headers.get('retry-after'))).toBeLessThanOrEqual(5);
    const body = JSON.stringify(structured('door', '9'));
    expect(
      (await post(url, { ...bearer(tokens.door), 'content-type': 'application/cloudevents+json' }, body))
        .status,
    ).toBe(429);
    expect((await post(`${url}cameras/yard/frames`, bearer(tokens.yard))).status).toBe(202);
  });

  test('every picture of a batch counts', async () => {
    const { url } = await worker({ picturesPerSecond: 1 });
    const batch = (ids: string[]) => JSON.stringify(ids.map((id) => structured('door', id)));
    const headers = { ...bearer(tokens.door), 'content-type': 'application/cloudevents-batch+json' };
    expect((await post(url, headers, batch(['1', '2', '3']))).status).toBe(429);
    expect(taken).toEqual([]);
  });

  test('slow requests of one camera do not take the place of another', async () => {
    const { url } = await worker();
    const sending = Array.from({ length: 4 }, () => {
      const each = httpRequest(`${url}cameras/door/frames`, {
        method: 'POST',
        headers: { ...picture, ...bearer(tokens.door), 'content-length': 10 },
      });
      each.on('error', () => undefined);
      each.write('12345');
      return each;
    });
    const deadline = performance.now() + 10_000;
    let answer = await post(`${url}cameras/door/frames`, bearer(tokens.door));
    while (answer.status !== 429 && performance.now() < deadline)
      answer = await post(`${url}cameras/door/frames`, bearer(tokens.door));
    expect(answer.detail).toBe('camera door has 4 requests under way');
    expect((await post(`${url}cameras/yard/frames`, bearer(tokens.yard))).status).toBe(202);
    for (const each of sending) each.destroy();
  });

  test('a picture that is too large is refused, packed or not', async () => {
    const { url } = await worker({}, { server: { bodyBytes: 1000 } });
    const headers = bearer(tokens.door);
    expect((await post(`${url}cameras/door/frames`, headers, Buffer.alloc(2000))).status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(1 << 20));
    expect(bomb.length).toBeLessThan(2000);
    expect(
      (
        await post(
          `${url}cameras/door/frames`,
          { ...headers, 'content-encoding': 'gzip' },
          bomb.subarray(0, 990),
        )
      ).status,
    ).toBe(413);
  });

  test('a bucket lets bursts pass and holds the rate', () => {
    const limit = new RateLimit(5, 0);
    const burst = Array.from({ length: 12 }, () => limit.take(0));
    expect(burst.filter((waitMs) => waitMs === 0)).toHaveLength(10);
    expect(burst.at(-1)).toBe(200);
    let passed = 0;
    for (let ms = 1; ms <= 10_000; ms++) if (limit.take(ms) === 0) passed++;
    expect(passed).toBe(50);
  });
});

describe('the webhook handshake', () => {
  async function ask(url: string, headers: Record<string, string>) {
    const answer = await fetch(url, { method: 'OPTIONS', headers });
    await answer.text();
    const header = (name: string) => answer.headers.get(`webhook-allowed-${name}`);
    return {
      status: answer.status,
      origin: header('origin'),
      rate: header('rate'),
      allow: answer.headers.get('allow'),
    };
  }
  const from = (origin: string) => ({ 'webhook-request-origin': origin });

  test('a sender that the camera names is admitted, at the rate of the camera or less', async () => {
    const { url } = await worker({ origins: ['events.example'], picturesPerSecond: 2.5 });
    for (const place of [url, `${url}cameras/door/frames`]) {
      expect(await ask(place, from('events.example'))).toEqual({
        status: 200,
        origin: 'events.example',
        rate: '150',
        allow: 'POST, OPTIONS',
      });
      expect(await ask(place, { ...from('Events.Example'), 'webhook-request-rate': '120' })).toMatchObject({
        origin: 'Events.Example',
        rate: '120',
      });
      expect(await ask(place, { ...from('events.example'), 'webhook-request-rate': '9000' })).toMatchObject({
        rate: '150',
      });
    }
  });

  test.each<[string, string, Record<string, string>, number]>([
    ['another origin', 'cameras/door/frames', from('evil.example'), 403],
    ['a camera that admits nobody', 'cameras/yard/frames', from('events.example'), 403],
    ['a camera that is none', 'cameras/attic/frames', from('events.example'), 403],
    ['an origin that is no name', '', from('events.example, *'), 400],
    ['a rate that is none', '', { ...from('events.example'), 'webhook-request-rate': '-5' }, 400],
    ['no question', '', {}, 204],
    [
      'a callback',
      'cameras/yard/frames',
      { ...from('events.example'), 'webhook-request-callback': 'http://127.0.0.1:1/' },
      403,
    ],
  ])('no consent for %s', async (_what, path, headers, status) => {
    const { url } = await worker({ origins: ['events.example'] });
    expect(await ask(`${url}${path}`, headers)).toEqual({
      status,
      origin: null,
      rate: null,
      allow: 'POST, OPTIONS',
    });
  });

  test('a star admits every origin; a worker without cameras knows no handshake', async () => {
    const { url } = await worker({ origins: ['*'] });
    expect(await ask(url, from('any.example'))).toMatchObject({ status: 200, origin: 'any.example' });
    const { url: detect } = await start({ detect: stage });
    expect(await ask(detect, from('any.example'))).toMatchObject({ status: 405, origin: null });
  });

  test('consent is no token, and a sender that is not admitted is refused in spite of its token', async () => {
    const { url } = await worker({ origins: ['events.example'] });
    expect((await post(`${url}cameras/door/frames`, from('events.example'))).status).toBe(401);
    const statusOf = async (origin: string) =>
      (await post(`${url}cameras/door/frames`, { ...bearer(tokens.door), ...from(origin) })).status;
    expect([await statusOf('events.example'), await statusOf('evil.example')]).toEqual([202, 403]);
  });
});
