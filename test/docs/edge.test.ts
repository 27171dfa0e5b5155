// The commands of docs/edge.md, run as they are written, give certificates and tokens that a controller and a node accept.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { linkProtocol } from '../../controller/link/events.ts';
import { startCloud, type Cloud, type Site } from '../controller/link/site.ts';

const page = readFileSync('docs/edge.md', 'utf8');
let folder: string;
let calls: string[];
let cloud: Cloud;

function block(name: string): string {
  const text = new RegExp(`<!-- run: ${name} -->\\s+\`\`\`sh\\n([^]*?)\`\`\``).exec(page)?.[1];
  if (text === undefined) throw new Error(`docs/edge.md has no block ${name}`);
  return text;
}

const run = (script: string) =>
  execFileSync('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` },
    stdio: 'pipe',
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mei-docs-'));
  mkdirSync(join(folder, 'bin'));
  // Notes what it is asked; what would come out of a dry run is not needed here.
  writeFileSync(join(folder, 'bin/kubectl'), `#!/bin/sh\necho "$*" >> "${join(folder, 'calls')}"\n`);
  chmodSync(join(folder, 'bin/kubectl'), 0o755);
  run(block('certificate'));
  run(block('token'));
  calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  const certificate = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const site = { folder, certificate, tokensFolder: join(folder, 'node-tokens') } as Site;
  cloud = await startCloud(site);
});
afterAll(async () => {
  await cloud?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('the objects have the names that the overlay mounts', () => {
  const overlay = readFileSync('config/overlays/local-controllers/kustomization.yaml', 'utf8');
  const agents = readFileSync('config/local-controller/daemonset.yaml', 'utf8');
  expect(calls).toEqual([
    '-n multi-edge-inference create secret tls controller-link --cert=tls.crt --key=tls.key',
    '-n multi-edge-inference-edge create configmap controller-ca --from-file=ca.crt',
    expect.stringMatching(/create secret generic node-tokens --from-file=node-tokens/),
    'apply -f -',
  ]);
  expect(overlay).toMatch(/secretName: controller-link\n[^]*secretName: node-tokens\n/);
  expect(agents).toMatch(/name: controller-ca\n/);
  expect(readdirSync(join(folder, 'node-tokens'))).toEqual(['edge-1']);
  expect(existsSync(join(folder, 'edge-1.token'))).toBe(true);
});

test('the certificate is good for the address that the agents dial', async () => {
  const agents = readFileSync('config/local-controller/daemonset.yaml', 'utf8');
  const address = new URL(/value: (wss:\S+)/.exec(agents)![1]!);
  const socket = connect({
    port: cloud.server.port,
    host: '127.0.0.1',
    servername: address.hostname,
    ca: readFileSync(join(folder, 'ca.crt')),
  });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  expect(socket.authorized).toBe(true);
  socket.destroy();
});

test.each([
  ['the token of the node', 'edge-1', (token: string) => token, 101],
  ['another token', 'edge-1', () => 'x'.repeat(64), 401],
  ['the token for another node', 'edge-2', (token: string) => token, 401],
  [
    'the digest instead of the token',
    'edge-1',
    () => readFileSync(join(folder, 'node-tokens/edge-1'), 'utf8').trim(),
    401,
  ],
])('with %s a node is answered as it should be', async (_, node, tokenOf, wanted) => {
  const token = readFileSync(join(folder, 'edge-1.token'), 'utf8').trim();
  const options = {
    ca: readFileSync(join(folder, 'ca.crt')),
    servername: 'controller-link.multi-edge-inference.svc',
    headers: { authorization: `Bearer ${tokenOf(token)}` },
  };
  const address = `wss://127.0.0.1:${cloud.server.port}/v1/nodes/${node}/link`;
  const socket = new WebSocket(address, [linkProtocol], options);
  const status = await new Promise<number>((resolve, reject) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (request, response) => {
      resolve(response.statusCode!);
      request.destroy();
    });
    socket.once('error', reject);
  });
  socket.terminate();
  expect(status).toBe(wanted);
});
