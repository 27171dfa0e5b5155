// The link between a controller and local controllers over real sockets with TLS: who gets in, what arrives, and what breaks it.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { linkMessage, linkProtocol, type LinkEvent } from '../../../controller/link/events.ts';
import { keepLinked, type Link } from '../../../controller/local/link.ts';
import { receive } from '../../../controller/local/receive.ts';
import { readSettings } from '../../../controller/local/settings.ts';
import { TaskStore } from '../../../controller/local/store.ts';
import { recordingLog } from '../recordingLog.ts';
import { eventually } from '../liveController.ts';
import { createAuthority } from './certificates.ts';
import { createSite, edgeTask, startCloud, type Cloud, type CloudOptions, type Site } from './site.ts';

let site: Site;
let cloud: Cloud;
const endings: (() => Promise<void> | void)[] = [];
let stores = 0;

beforeAll(() => {
  site = createSite();
});
afterAll(() => site.remove());
beforeEach(() => {
  site.addToken('edge-1');
  site.addToken('edge-2');
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function open(options: CloudOptions = {}): Promise<Cloud> {
  const opened = await startCloud(site, options);
  endings.push(() => opened.close());
  return opened;
}

interface Local {
  link: Link;
  store: TaskStore;
  log: ReturnType<typeof recordingLog>;
  received: LinkEvent[];
  stop(): Promise<void>;
}

/** A local controller in this process. */
function startLocal(node: string, port: number, env: Record<string, string> = {}): Local {
  const settings = readSettings({
    NODE_NAME: node,
    MEI_CONTROLLER_URL: `wss://127.0.0.1:${port}`,
    MEI_CONTROLLER_CA: site.authority.ca,
    MEI_NODE_TOKEN_FILE: join(site.folder, `${node}.token`),
    MEI_LINK_PING_MS: '50',
    MEI_LINK_DEAD_MS: '400',
    MEI_LINK_RETRY_MS: '20',
    MEI_LINK_RETRY_MAX_MS: '200',
    MEI_LC_STORE: join(site.folder, `store-${stores++}`),
    ...env,
  });
  const log = recordingLog();
  const received: LinkEvent[] = [];
  const store = new TaskStore(settings.storeFolder, () => undefined);
  const ending = new AbortController();
  const link = keepLinked(
    {
      settings,
      log,
      receive(event) {
        received.push(event);
        return receive(store, event).answer;
      },
    },
    ending.signal,
  );
  let isStopped = false;
  const stop = async () => {
    if (isStopped) return;
    isStopped = true;
    ending.abort();
    await link.ended;
    store.close();
  };
  endings.push(stop);
  return { link, store, log, received, stop };
}

const confirmed = (key: string, where = cloud) =>
  eventually(
    async () => where.downstream.progress(key),
    (progress) => progress.every(({ isConfirmed }) => isConfirmed),
    5000,
  );
const said = (local: Local, words: string) =>
  eventually(
    async () => [local.link.problem() ?? '', ...local.log.lines].join('\n'),
    (text) => text.includes(words),
    5000,
  );

test('on connect the whole set comes, then what changes; each is confirmed once it is stored', async () => {
  cloud = await open({ tasks: [edgeTask('a', 1), edgeTask('b', 4, ['edge-1', 'edge-2'])] });
  const local = startLocal('edge-1', cloud.server.port);
  await eventually(
    async () => local.store.tasks().map(({ name, generation }) => `${name}/${generation}`),
    (tasks) => tasks.sort().join() === 'a/1,b/4',
    5000,
  );
  cloud.publish(edgeTask('a', 2, ['edge-1'], 0.7));
  await confirmed('default/a');
  const [config] = local.store.configs('a-edge-edge-1');
  expect(JSON.parse(config!.text)).toMatchObject({ match: { threshold: 0.7 }, task: { generation: 2 } });
  cloud.downstream.remove('default/a');
  await eventually(
    async () => local.store.tasks().map(({ name }) => name),
    (names) => names.join() === 'b',
    5000,
  );
  expect(local.received.map(({ name }) => name)).toEqual([
    'inventory',
    'insert',
    'insert',
    'update',
    'delete',
  ]);
  const progress = cloud.downstream.progress('default/b');
  expect(progress).toMatchObject([
    { node: 'edge-1', isConfirmed: true, generation: 4, isConnected: true },
    { node: 'edge-2', isConfirmed: false, isConnected: false, wasConnected: false },
  ]);
});

test('after a reconnect what is gone is dropped, what is new is there, and what nobody can translate stays', async () => {
  cloud = await open({ tasks: [edgeTask('kept', 1), edgeTask('gone', 1), edgeTask('unclear', 1)] });
  const { port } = cloud.server;
  const local = startLocal('edge-1', port);
  await confirmed('default/unclear');
  await cloud.close();
  await eventually(
    async () => local.link.isConnected(),
    (isConnected) => !isConnected,
    5000,
  );
  // A controller with an empty memory.
  cloud = await startCloud(site, { port, tasks: [edgeTask('kept', 2), edgeTask('new', 1)] });
  endings.push(() => cloud.close());
  cloud.downstream.retain('default/unclear', edgeTask('unclear', 2).metadata as never);
  await confirmed('default/new');
  const names = () => local.store.tasks().map(({ name, generation }) => `${name}/${generation}`);
  // The inventory may have gone out before the task was retained: only what stays is compared.
  expect(names()).toEqual(expect.arrayContaining(['kept/2', 'new/1']));
  expect(names().join()).not.toContain('gone');
});

test.each([
  ['a wrong token', () => writeFileSync(join(site.folder, 'edge-1.token'), 'wrong'), {}, '401'],
  [
    'the token of another node',
    () => writeFileSync(join(site.folder, 'edge-1.token'), 'token-of-edge-2-0123456789abcdef'),
    {},
    '401',
  ],
  ['no token at the controller', () => writeFileSync(join(site.tokensFolder, 'edge-1'), ''), {}, '401'],
  ['an empty token file', () => writeFileSync(join(site.folder, 'edge-1.token'), '\n'), {}, 'holds no token'],
  ['no authority', () => undefined, { MEI_CONTROLLER_CA: '' }, 'unable to verify the first certificate'],
])('with %s nothing comes, and the reason is said', async (_, spoil, env, words) => {
  cloud = await open({ tasks: [edgeTask('a', 1)] });
  spoil();
  const local = startLocal('edge-1', cloud.server.port, env);
  await said(local, words);
  expect(local.received).toEqual([]);
  expect(cloud.downstream.connectedNodes()).toBe(0);
  expect(local.log.lines.join()).not.toContain('0123456789abcdef');
});

test('a certificate of another authority at the controller is not trusted, nor one for another address', async () => {
  cloud = await open({ tasks: [edgeTask('a', 1)] });
  const other = createAuthority(site.folder, 'other');
  await said(
    startLocal('edge-1', cloud.server.port, { MEI_CONTROLLER_CA: other.ca }),
    'unable to verify the first certificate',
  );
  const misnamed = { ...site, certificate: site.authority.sign('elsewhere', 'DNS:elsewhere.example') };
  const wrong = await startCloud(misnamed);
  endings.push(() => wrong.close());
  await said(startLocal('edge-1', wrong.server.port), 'does not match certificate');
});

test('a client certificate with the name of the node serves instead of a token; another name does not', async () => {
  cloud = await open({ tasks: [edgeTask('a', 1)], clientCa: site.authority.ca });
  const withCertificate = (name: string, alternatives?: string) => {
    const { certificate, key } = site.authority.sign(name, alternatives);
    return { MEI_NODE_TOKEN_FILE: '', MEI_NODE_CERT: certificate, MEI_NODE_KEY: key };
  };
  const local = startLocal('edge-1', cloud.server.port, withCertificate('edge-1'));
  await confirmed('default/a');
  await local.stop();
  await said(startLocal('edge-1', cloud.server.port, withCertificate('edge-2')), '401');
  const foreign = createAuthority(site.folder, 'foreign').sign('edge-1');
  await said(
    startLocal('edge-1', cloud.server.port, {
      MEI_NODE_TOKEN_FILE: '',
      MEI_NODE_CERT: foreign.certificate,
      MEI_NODE_KEY: foreign.key,
    }),
    '401',
  );
  const second = startLocal('edge-1', cloud.server.port, withCertificate('node', 'DNS:other,DNS:edge-1'));
  await eventually(
    async () => second.link.isConnected(),
    (isConnected) => isConnected,
    5000,
  );
});

test('a token that is withdrawn ends the connection, one that is renewed brings it back without a restart', async () => {
  cloud = await open({ tasks: [edgeTask('a', 1)] });
  const local = startLocal('edge-1', cloud.server.port);
  await confirmed('default/a');
  writeFileSync(join(site.tokensFolder, 'edge-1'), '');
  await said(local, 'the token is not valid any more');
  site.addToken('edge-1', 'renewed-token');
  await eventually(
    async () => local.link.isConnected(),
    (isConnected) => isConnected,
    5000,
  );
});

test('both ends notice a link on which nothing passes any more although it is open', async () => {
  cloud = await open({ tasks: [edgeTask('a', 1)] });
  const path = await startPath(cloud.server.port);
  const local = startLocal('edge-1', path.port);
  await confirmed('default/a');
  path.freeze();
  await eventually(
    async () => [cloud.downstream.connectedNodes(), local.link.isConnected()],
    ([connected, isConnected]) => connected === 0 && isConnected === false,
    5000,
  );
  cloud.publish(edgeTask('a', 2));
  path.thaw();
  await confirmed('default/a');
  expect(local.store.generationOf('uid-of-a')).toBe(2);
});

test('a newer connection of a node replaces the older one, which comes back to a quiet place', async () => {
  cloud = await open();
  const first = startLocal('edge-1', cloud.server.port);
  await said(first, 'connected to the controller');
  const second = startLocal('edge-1', cloud.server.port);
  await said(second, 'connected to the controller');
  await said(first, 'replaced by a newer connection');
  await Promise.all([first.stop(), second.stop()]);
});

/** What a node with a valid token could send. */
async function dial(
  port: number,
  send: (socket: WebSocket) => void,
): Promise<{ code: number; reason: string }> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}/v1/nodes/edge-1/link`, [linkProtocol], {
    ca: readFileSync(site.authority.ca),
    headers: { authorization: 'Bearer token-of-edge-1-0123456789abcdef' },
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => send(socket));
    socket.on('error', reject);
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}

const hostile: [string, (socket: WebSocket) => void, number][] = [
  ['an oversize frame', (socket) => socket.send('x'.repeat(70_000)), 1009],
  ['bytes', (socket) => socket.send(Buffer.alloc(8)), 1008],
  ['no JSON', (socket) => socket.send('{'), 1008],
  ['null', (socket) => socket.send('null'), 1008],
  ['deep nesting', (socket) => socket.send('['.repeat(30_000)), 1008],
  ['no CloudEvent', (socket) => socket.send('{"type":"x"}'), 1008],
  [
    'an event that only a controller sends',
    (socket) =>
      socket.send(linkMessage({ name: 'inventory', id: 'x', data: { tasks: [] } }, '/nodes/edge-1')),
    1008,
  ],
  [
    'an answer to nothing',
    (socket) =>
      socket.send(linkMessage({ name: 'acknowledged', id: 'x', data: { of: 'y' } }, '/nodes/edge-1')),
    1008,
  ],
  [
    'a field too many',
    (socket) =>
      socket.send(
        linkMessage({ name: 'acknowledged', id: 'x', data: { of: 'y', more: 1 } as never }, '/nodes/edge-1'),
      ),
    1008,
  ],
];

test.each(hostile)('%s closes the link and nothing else', async (_, send, code) => {
  cloud = await open();
  expect((await dial(cloud.server.port, send)).code).toBe(code);
  const local = startLocal('edge-1', cloud.server.port);
  await said(local, 'connected to the controller');
});

test('a server that is no controller gets nothing stored', async () => {
  const impostor = await startImpostor('{"specversion":"1.0","id":"1","source":"/x","type":"x","data":{}}');
  const local = startLocal('edge-1', impostor);
  await said(local, 'the other end is no controller that this version knows');
  expect(local.store.tasks()).toEqual([]);
});

test('a frame that is larger than a message may be breaks the link, and a task of that size is refused in words', async () => {
  const impostor = await startImpostor('x'.repeat(5 << 20));
  await said(startLocal('edge-1', impostor), 'Max payload size exceeded');
  cloud = await open();
  const local = startLocal('edge-1', cloud.server.port);
  await said(local, 'connected to the controller');
  const task = edgeTask('huge', 1);
  task.spec.cameras[0]!.source.uri = `rtsp://192.0.2.1/${'x'.repeat(5 << 20)}`;
  cloud.publish(task);
  expect(cloud.downstream.progress('default/huge')).toMatchObject([
    { isConfirmed: false, problem: expect.stringContaining('larger than a message may be') },
  ]);
  expect(local.link.isConnected()).toBe(true);
});

/** A WebSocket server with a good certificate that says this one thing. */
async function startImpostor(text: string): Promise<number> {
  const { certificate, key } = site.certificate;
  const server = createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('error', () => undefined);
    socket.send(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endings.push(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A way between the two that can stop passing bytes while its connections stay open. */
async function startPath(target: number): Promise<{ port: number; freeze(): void; thaw(): void }> {
  let isFrozen = false;
  const pairs: Socket[] = [];
  const server: Server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    pairs.push(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (data) => isFrozen || to.write(data));
      from.on('error', () => undefined);
      // Nobody learns of an end either while nothing passes.
      from.on('close', () => isFrozen || to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endings.push(() => {
    for (const socket of pairs) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => {
      isFrozen = true;
    },
    thaw: () => {
      for (const socket of pairs.splice(0)) socket.destroy();
      isFrozen = false;
    },
  };
}
