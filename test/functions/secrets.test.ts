// Runs a chain of real workers with secrets that are easy to find again, makes all go wrong that can, and looks for them
// everywhere: logs, metrics, reports, answers.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { eventTypes, type ReportData, type TrackletsData } from '../../config/events.ts';
import { loadFunctions } from '../../config/functions.ts';
import { defaultModels, resolveModel } from '../../config/models.ts';
import { parseTask } from '../../config/task.ts';
import { desired } from '../../controller/desired.ts';
import { startWorkers, type RunningTask } from '../../controller/processes.ts';
import { ownMachine } from '../../functions/media/addressGuard.ts';
import { startRecordingCloud, type RecordingCloud } from '../support/cloud.ts';
import { makeClip } from '../support/clips.ts';
import { execArgv } from '../support/edge.ts';
import { MjpegServer } from '../support/mjpegServer.ts';
import { RtspServer } from '../support/rtspServer.ts';
import { until } from './host/support.ts';

const secrets = {
  username: 'viewerSecretName',
  password: 'p@ss/Secret:Word?1',
  wrongPassword: 'wrongSecretWord',
  token: 'doorSecretToken-0123456789',
  wrongToken: 'otherSecretToken-0123456789',
  query: 'querySecretSignature',
};
/** As they stand, and as they travel. */
const spellings = Object.values(secrets).flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64url'),
]);
spellings.push(Buffer.from(`${secrets.username}:${secrets.password}`).toString('base64'));

let folder: string;
let cloud: RecordingCloud;
let workers: RunningTask;
let taskToken: string;
const servers: { stop(): Promise<void> }[] = [];
const answers: string[] = [];
const environment: Record<string, string> = {
  MEI_LOG_LEVEL: 'trace',
  MEI_CAMERA_NETWORKS: ownMachine,
  MEI_REPORT_INTERVAL_MS: '200',
  CAMERA_YARD_USERNAME: secrets.username,
  CAMERA_YARD_PASSWORD: secrets.password,
  CAMERA_SHUT_USERNAME: secrets.username,
  CAMERA_SHUT_PASSWORD: secrets.wrongPassword,
};
const before = { ...process.env };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  writeFileSync(join(folder, 'token'), secrets.token);
  Object.assign(process.env, environment, { CAMERA_DOOR_TOKEN_FILE: join(folder, 'token') });
  const [yard, shut, hall] = [new MjpegServer(), new MjpegServer(), new RtspServer()];
  servers.push(yard, shut, hall);
  for (const each of [yard, shut]) each.login = { username: secrets.username, password: secrets.password };
  const clip = await makeClip(join(folder, 'clip.mp4'), 28, 10);
  const secretRef = '{name: any}';
  const spec = `{packing: PerNode, cameras: [
    {id: film, fps: 2, source: {uri: ${join(process.cwd(), 'samples/left.mp4')}, startTime: '2026-01-01T12:00:00Z'}},
    {id: yard, fps: 2, source: {uri: '${await yard.start(5)}?key=${secrets.query}', secretRef: ${secretRef}}},
    {id: shut, fps: 2, source: {uri: '${await shut.start(5)}?key=${secrets.query}', secretRef: ${secretRef}}},
    {id: hall, fps: 2, source: {uri: '${await hall.start(clip, 10)}?token=${secrets.query}'}},
    {id: gone, source: {uri: 'https://127.0.0.1:1/x?sig=${secrets.query}'}},
    {id: door, source: {push: {tokenRef: {name: any}}}}]}`;
  const task = parseTask(
    `{apiVersion: sedna.io/v1alpha1, kind: MultiEdgeInference, metadata: {name: secrets}, spec: ${spec}}`,
    'x',
  );
  cloud = await startRecordingCloud();
  const plan = desired(task, {
    functions: loadFunctions(),
    resolveModel,
    defaultModels,
    threads: 1,
    clockStart: 0,
    storeFolder: folder,
  });
  const elsewhere = new Map(
    plan.workers.filter(({ placement }) => placement === 'cloud').map(({ name }) => [name, cloud.url]),
  );
  workers = await startWorkers(plan, { folder, elsewhere, execArgv });
  taskToken = readFileSync(join(folder, 'workers', 'token'), 'utf8').trim();
}, 120_000);
afterAll(async () => {
  await workers?.stop();
  for (const server of servers) await server.stop();
  await cloud?.close();
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  rmSync(folder, { recursive: true, force: true });
});

async function ask(path: string, init: RequestInit = {}): Promise<number> {
  const [url] = [...workers.urls.entries()].find(([name]) => name.includes('edge'))!.slice(1);
  const answer = await fetch(`${url}${path}`, init);
  answers.push(`${JSON.stringify([...answer.headers])} ${await answer.text()}`);
  return answer.status;
}

const reports = () =>
  cloud.crossings
    .filter(({ event }) => event.type === eventTypes.report)
    .map(({ event }) => event.data as ReportData);
const cameraSaid = (id: string, pattern: RegExp) =>
  reports().some(({ cameras }) =>
    cameras.some(({ camera, message = '', state }) => camera === id && pattern.test(`${state} ${message}`)),
  );

async function misuse(): Promise<void> {
  const picture = await sharp({ create: { width: 32, height: 24, channels: 3, background: '#7a3' } })
    .jpeg()
    .toBuffer();
  const headers = { 'content-type': 'image/jpeg' };
  const own = { ...headers, authorization: `Bearer ${secrets.token}` };
  const push = (init: RequestInit, query = '') =>
    ask(`cameras/door/frames${query}`, { method: 'POST', ...init });
  expect(await push({ headers: own, body: picture })).toBe(202);
  expect(
    await push({ headers: { ...headers, authorization: `Bearer ${secrets.wrongToken}` }, body: picture }),
  ).toBe(401);
  expect(await push({ headers, body: picture }, `?access_token=${secrets.wrongToken}`)).toBe(401);
  expect(await push({ headers, body: picture }, `?access_token=${secrets.token}`)).toBe(202);
  expect(await push({ headers: own, body: picture.subarray(0, 200) })).toBe(202);
  expect(
    await ask(`cameras/yard/frames?access_token=${secrets.token}`, {
      method: 'POST',
      headers,
      body: picture,
    }),
  ).toBe(403);
  expect(
    await ask(`nothing/here?access_token=${secrets.token}`, { method: 'POST', headers, body: picture }),
  ).toBe(404);
  const event = {
    specversion: '1.0',
    id: '1',
    source: '/x',
    type: eventTypes.image,
    subject: 'door',
    datacontenttype: 'image/jpeg',
    data_base64: 'AAAA',
    [secrets.query.toLowerCase()]: secrets.token,
  };
  const structured = { ...own, 'content-type': 'application/cloudevents+json' };
  expect(await ask('', { method: 'POST', headers: structured, body: JSON.stringify(event) })).toBe(202);
  expect(await ask('', { method: 'POST', headers: structured, body: `{"a": ${secrets.token}` })).toBe(400);
}

test('no secret, vector or pixel is in any log, metric, report or answer', async () => {
  await misuse();
  await until(() => cameraSaid('shut', /401/), 'the camera with the wrong password', 60_000);
  await until(() => cameraSaid('gone', /connection refused/), 'the camera that is not there', 60_000);
  await until(() => cameraSaid('yard', /^connected/), 'the camera with the right password', 60_000);
  await until(() => cameraSaid('hall', /^connected/), 'the camera with a token in its address', 60_000);
  await until(
    () => cloud.crossings.some(({ event }) => event.type === eventTypes.tracklets),
    'tracklets',
    120_000,
  );
  await until(() => logs().includes('event given up'), 'the broken picture', 60_000);
  expect(await ask('metrics')).toBe(200);
  expect(await ask('readyz')).toBe(200);
  await workers.stop();

  // What is searched is really there.
  expect(logs()).toMatch(/camera connected/);
  expect(logs()).toMatch(/push refused/);
  expect(answers.join()).toMatch(/mei_camera_frames/);
  const places = {
    logs: logs(),
    answers: answers.join('\n'),
    reports: JSON.stringify(reports()),
    headers: cloud.crossings.flatMap(({ arrival }) => arrival.rawHeaders).join('\n'),
  };
  for (const [place, text] of Object.entries(places))
    for (const secret of spellings)
      if (text.includes(secret))
        throw new Error(
          `${secret} is in the ${place}: ${text.slice(Math.max(0, text.indexOf(secret) - 200), text.indexOf(secret) + 100)}`,
        );

  // What workers know each other by is shown to them, and said nowhere else.
  expect(places.headers).toContain(`Bearer ${taskToken}`);
  for (const text of [places.logs, places.answers, places.reports]) expect(text).not.toContain(taskToken);
  expect(existsSync(join(folder, 'workers', 'token'))).toBe(false);

  const { data } = cloud.crossings.find(({ event }) => event.type === eventTypes.tracklets)!.event as {
    data: TrackletsData;
  };
  const { vector } = data.tracklets.flatMap(({ prototypes }) => prototypes)[0]!;
  expect(logs()).not.toContain([...vector.subarray(0, 6)].join());
  expect(logs()).not.toContain(Buffer.from(vector.buffer, vector.byteOffset, 24).toString('base64'));
  expect(logs()).not.toMatch(/(?:"\d+":)?-?\d{1,3}(?:,(?:"\d+":)?-?\d{1,3}){15}|"type":"Buffer"/);
}, 300_000);

test('the search finds a secret where there is one', () => {
  expect(
    spellings.some((secret) => `rtsp://${encodeURIComponent(secrets.username)}:x@h`.includes(secret)),
  ).toBe(true);
  expect(JSON.stringify(Uint8Array.from({ length: 32 }, (_, i) => i * 3))).toMatch(
    /(?:"\d+":)?-?\d{1,3}(?:,(?:"\d+":)?-?\d{1,3}){15}/,
  );
});

function logs(): string {
  const place = join(folder, 'workers');
  return readdirSync(place)
    .filter((name) => name.endsWith('.log'))
    .map((name) => readFileSync(join(place, name), 'utf8'))
    .join('\n');
}
