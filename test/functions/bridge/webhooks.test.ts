// Webhooks of the bridge, with the real server of the console and a real receiver: each change once, in order, also over restarts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runBridge } from '../../../functions/bridge/bridge.ts';
import { readBridgeConfig } from '../../../functions/bridge/config.ts';
import { startReceiver, until, type Receiver } from '../../delivery/receiver.ts';
import { seen, sighted, Site } from './site.ts';

let folder: string;
let site: Site;
let receiver: Receiver;
let lines: string[];
let running: { abort: AbortController; ended: Promise<void> }[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mei-bridge-'));
  site = new Site();
  receiver = await startReceiver();
  lines = [];
  running = [];
});
afterEach(async () => {
  for (const { abort, ended } of running) {
    abort.abort();
    await ended.catch(() => undefined);
  }
  await site.close();
  await receiver.close();
  rmSync(folder, { recursive: true, force: true });
});

function configFile(text: string): string {
  const path = join(folder, 'bridge.yaml');
  writeFileSync(path, text);
  return path;
}

function start(yaml: string, environment: NodeJS.ProcessEnv = { MEI_NOTICE_NETWORKS: 'loopback' }) {
  const note = (keys: object, message: string) => void lines.push(`${message} ${JSON.stringify(keys)}`);
  const abort = new AbortController();
  const ended = runBridge({
    config: readBridgeConfig(configFile(yaml)),
    log: { debug: note, info: note, warn: note, error: note },
    signal: abort.signal,
    environment,
    delivery: { firstDelayMs: 1, longestDelayMs: 10 },
    times: { firstRetryMs: 5, longestRetryMs: 20 },
  });
  const bridge = { abort, ended };
  running.push(bridge);
  return bridge;
}

const yaml = (more = '') =>
  `console: {url: "${site.url}"}\nwebhooks:\n  - {name: alarm, url: "${receiver.url}people"${more}}\n`;
const followed = () => until(() => lines.some((line) => line.startsWith('console followed')), 'followed');

test('changes arrive as CloudEvents, in order, with the token', async () => {
  await site.open();
  writeFileSync(join(folder, 'alarm.token'), 'a-token-of-the-receiver\n');
  start(yaml(', tokenFile: alarm.token'));
  await followed();
  site.tell(seen('p1'), seen('p2'));
  site.tell(sighted('p1'));
  await until(() => receiver.taken.length === 3, 'three events');
  const [first] = receiver.taken;
  expect(first!.attributes).toMatchObject({
    id: '1.0',
    source: '/namespaces/site/multiedgeinferences/hall/bridge',
    type: 'io.sedna.multiedge.identities.v1',
    subject: 'identities/p1',
    time: '2026-01-01T12:00:00.000Z',
  });
  const { data } = first!;
  if (data.kind !== 'bytes') throw new Error(`${data.kind} instead of a body`);
  const body = JSON.parse(Buffer.concat(data.parts).toString()) as unknown;
  expect(body).toEqual({ namespace: 'site', task: 'hall', changes: [seen('p1')] });
  expect(receiver.taken.map(({ attributes }) => attributes['subject'])).toEqual([
    'identities/p1',
    'identities/p2',
    'targets/anna',
  ]);
  for (const { headers } of receiver.requests)
    expect(headers.authorization).toBe('Bearer a-token-of-the-receiver');
});

test('only the kinds that are asked for are sent', async () => {
  await site.open();
  start(yaml(', kinds: [sighted]'));
  await followed();
  site.tell(seen('p1'), sighted('p2'));
  await until(() => receiver.taken.length > 0, 'an event');
  expect(receiver.ids()).toEqual(['1.1']);
});

test('what happens while bridge, receiver or console are away arrives once, in order', async () => {
  await site.open();
  const first = start(yaml());
  await followed();
  site.tell(seen('p1'));
  await until(() => receiver.taken.length === 1, 'the first');
  receiver.answer = () => ({ status: 503 });
  site.tell(seen('p2'));
  await until(() => receiver.requests.length > 2, 'refused');
  first.abort.abort();
  await first.ended;
  site.tell(seen('p3'));
  receiver.answer = () => ({ status: 202 });
  start(yaml());
  await until(() => receiver.taken.length === 3, 'what was missed');
  const port = Number(new URL(site.url).port);
  await site.close();
  await until(() => lines.some((line) => line.startsWith('console lost')), 'the console is away');
  site.tell(seen('p4'));
  await site.open(port);
  await until(() => receiver.taken.length === 4, 'the last');
  expect(receiver.ids()).toEqual(['1.0', '2.0', '3.0', '4.0']);
}, 30_000);

test('a console that asks for a token gets it, and says when it is the wrong one', async () => {
  writeFileSync(join(folder, 'accounts'), 'bridge view hall token-of-the-bridge-1\n');
  await site.open(0, join(folder, 'accounts'));
  writeFileSync(join(folder, 'console.token'), 'not-the-token-of-it\n');
  const asking = yaml().replace('"}\nwebhooks', '", tokenFile: console.token}\nwebhooks');
  start(asking);
  await until(() => lines.some((line) => line.includes('the token is not accepted')), 'refused');
  writeFileSync(join(folder, 'console.token'), 'token-of-the-bridge-1\n');
  await followed();
  site.tell(seen('p1'));
  await until(() => receiver.taken.length === 1, 'an event');
  expect(lines.join()).not.toContain('token-of-the-bridge');
});

test('a receiver in a network that is not allowed is refused before anything is sent', async () => {
  await site.open();
  const { ended } = start(yaml(), { MEI_NOTICE_NETWORKS: 'public' });
  await expect(ended).rejects.toThrow('is in no network that MEI_NOTICE_NETWORKS allows (public)');
  const named = start(yaml().replace(/127\.0\.0\.1(:\d+\/people)/, 'localhost$1'), {
    MEI_NOTICE_NETWORKS: 'public',
  });
  await followed();
  site.tell(seen('p1'));
  await until(() => site.changes.length > 0, 'told');
  named.abort.abort();
  await named.ended;
  expect(receiver.requests).toEqual([]);
});

test.each([
  ['webhooks: []', /nothing is handed on/],
  ['webhook: []', /did you mean webhooks\?/],
  ['webhooks: [{name: a, url: "ftp://x"}]', /such as https:\/\/alarms\.example\/people/],
  ['webhooks: [{name: a, url: "https://user:secret@x"}]', /url/],
  ['mqtt: {url: "http://broker"}', /such as mqtts:\/\/broker\.example:8883/],
  ['webhooks: [{name: a, url: "https://x", kinds: [seen]}]', /kinds/],
])('%s is refused with its place', (part, message) => {
  const path = configFile(`console: {url: "http://127.0.0.1:1/console/"}\n${part}\n`);
  expect(() => readBridgeConfig(path)).toThrow(message);
});
