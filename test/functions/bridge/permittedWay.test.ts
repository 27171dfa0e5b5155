// Receivers that want to be asked first: nothing is sent before they admit the bridge, nor faster than they allow.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Webhook } from '../../../functions/bridge/webhooks.ts';
import { guardFor } from '../../../functions/media/addressGuard.ts';
import { until } from '../../delivery/receiver.ts';
import { seen } from './site.ts';

let folder: string;
let server: Server;
let asked: { method: string; headers: IncomingHttpHeaders; atMs: number }[];
let lines: string[];
let permission: Record<string, string>;
let webhook: Webhook | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mei-handshake-'));
  asked = [];
  lines = [];
  permission = {};
  server = createServer((request, response) => {
    asked.push({ method: request.method!, headers: request.headers, atMs: performance.now() });
    request.resume();
    request.on('end', () =>
      request.method === 'OPTIONS'
        ? response.writeHead(200, permission).end()
        : response.writeHead(202).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  await webhook?.close();
  webhook = undefined;
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(origin?: string): Webhook {
  const note = (keys: object, message: string) => void lines.push(`${message} ${JSON.stringify(keys)}`);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/people`;
  return (webhook = new Webhook(
    { name: 'alarm', url, kinds: ['assigned'], ...(origin !== undefined && { origin }) },
    {
      folder,
      guard: guardFor('notice', { MEI_NOTICE_NETWORKS: 'loopback' }),
      log: { debug: note, info: note, warn: note, error: note },
      delivery: { firstDelayMs: 1, longestDelayMs: 20, troubleAfterMs: 1 },
    },
  ));
}

const from = { namespace: 'site', task: 'hall', id: '1' };
const methods = () => asked.map(({ method }) => method);
const posts = () => methods().filter((method) => method === 'POST').length;

test('a receiver is asked once, and gets everything when it admits the bridge', async () => {
  permission = { 'webhook-allowed-origin': 'bridge.example' };
  await open('bridge.example').take(from, [seen('p1'), seen('p2')]);
  await until(() => posts() === 2, 'both events');
  expect(methods()).toEqual(['OPTIONS', 'POST', 'POST']);
  expect(asked[0]!.headers['webhook-request-origin']).toBe('bridge.example');
});

test.each([{}, { 'webhook-allowed-origin': 'other.example' }])(
  'nothing is sent while it answers %j; what waited arrives once it admits',
  async (answer) => {
    permission = answer;
    await open('bridge.example').take(from, [seen('p1')]);
    await until(() => methods().length >= 3, 'asked again');
    await until(() => lines.some((line) => line.includes('it does not admit bridge.example')), 'told');
    expect(posts()).toBe(0);
    permission = { 'webhook-allowed-origin': '*' };
    await until(() => posts() === 1, 'the event');
  },
);

test('it is not sent to more often than it allows', async () => {
  permission = { 'webhook-allowed-origin': '*', 'webhook-allowed-rate': '600' };
  await open('bridge.example').take(from, [seen('p1'), seen('p2'), seen('p3')]);
  await until(() => posts() === 3, 'three events');
  const times = asked.filter(({ method }) => method === 'POST').map(({ atMs }) => atMs);
  // Ten a second; a timer may be a moment early.
  expect(times[2]! - times[0]!).toBeGreaterThan(190);
});

test('a receiver without an origin is not asked', async () => {
  await open().take(from, [seen('p1')]);
  await until(() => posts() === 1, 'the event');
  expect(methods()).toEqual(['POST']);
});
