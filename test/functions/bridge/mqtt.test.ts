// The bridge and a real Mosquitto: state is retained, Home Assistant finds everything, and both ends may go and come.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import type { IdentityChange } from '../../../config/events.ts';
import { runBridge } from '../../../functions/bridge/bridge.ts';
import { readBridgeConfig } from '../../../functions/bridge/config.ts';
import { until } from '../../delivery/receiver.ts';
import { seen, sighted, Site } from './site.ts';

const program = ['mosquitto', '/usr/sbin/mosquitto'].find((each) => !spawnSync(each, ['-h']).error);
const onBroker = program === undefined ? test.skip : test;
if (program === undefined) {
  process.stderr.write('SKIPPED MQTT with a real broker: mosquitto is not installed (Debian: mosquitto)\n');
  if (process.env['CI'] === 'true') test('mosquitto is installed', () => expect(program).toBeDefined());
}

let folder: string;
let port: number;
let broker: ChildProcess | undefined;
let site: Site;
let bridge: { abort: AbortController; ended: Promise<void> } | undefined;
let lines: string[];
const clients: MqttClient[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const found = (server.address() as AddressInfo).port;
  server.close();
  await once(server, 'close');
  return found;
}

async function startBroker(): Promise<void> {
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${join(folder, 'passwords')}\nuser root\n`,
  );
  broker = spawn(program!, ['-c', config], { stdio: 'ignore' });
  let isListening = false;
  while (!isListening && broker.exitCode === null)
    isListening = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  expect(isListening).toBe(true);
}

async function stopBroker(): Promise<void> {
  if (!broker || broker.exitCode !== null || broker.signalCode !== null) return;
  const ended = once(broker, 'exit');
  broker.kill('SIGKILL');
  await ended;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mei-mqtt-'));
  // Accounts `mei` and `reader`, both with the password secret.
  writeFileSync(join(folder, 'passwords'), 'mei:secret\nreader:secret\n', { mode: 0o600 });
  const hashing = spawnSync('mosquitto_passwd', ['-U', join(folder, 'passwords')]);
  if (program !== undefined) expect(hashing.status).toBe(0);
  port = await freePort();
  site = new Site();
  lines = [];
  await site.open();
});
afterEach(async () => {
  bridge?.abort.abort();
  await bridge?.ended;
  bridge = undefined;
  for (const client of clients.splice(0)) await client.endAsync(true);
  await stopBroker();
  await site.close();
  rmSync(folder, { recursive: true, force: true });
});

function startBridge(): void {
  writeFileSync(join(folder, 'user'), 'mei\n');
  writeFileSync(join(folder, 'password'), 'secret\n');
  const path = join(folder, 'bridge.yaml');
  writeFileSync(
    path,
    `console: {url: "${site.url}"}\nmqtt: {url: "mqtt://127.0.0.1:${port}", usernameFile: user, passwordFile: password}\n`,
  );
  const note = (keys: object, message: string) => void lines.push(`${message} ${JSON.stringify(keys)}`);
  const abort = new AbortController();
  const ended = runBridge({
    config: readBridgeConfig(path),
    log: { debug: note, info: note, warn: note, error: note },
    signal: abort.signal,
    environment: { MEI_NOTICE_NETWORKS: 'loopback' },
    times: { firstRetryMs: 5, longestRetryMs: 20 },
  });
  bridge = { abort, ended };
}

/** What a client that comes now hears. */
async function reader(): Promise<{ texts: Map<string, string>; retained: Set<string> }> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    username: 'reader',
    password: 'secret',
    reconnectPeriod: 50,
  });
  clients.push(client);
  const texts = new Map<string, string>();
  const retained = new Set<string>();
  client.on('message', (topic, payload, { retain }) => {
    texts.set(topic, payload.toString());
    if (retain) retained.add(topic);
  });
  await client.subscribeAsync('#');
  return { texts, retained };
}

const connected = () => until(() => lines.some((line) => line.startsWith('broker connected')), 'connected');
const root = 'mei/site/hall';

onBroker(
  'state is retained, changes are events, and Home Assistant is told of everything',
  async () => {
    await startBroker();
    startBridge();
    await connected();
    const early = await reader();
    site.tell(seen('p1'), sighted('p1', 'gate'));
    await until(() => early.texts.has(`${root}/identities/p1/sighted`), 'the change');
    expect(JSON.parse(early.texts.get(`${root}/identities/p1/seen`)!)).toEqual(seen('p1'));
    const late = await reader();
    await until(() => late.retained.has(`${root}/targets/anna/state`), 'retained');
    const read = (topic: string) => JSON.parse(late.texts.get(topic)!) as Record<string, unknown>;
    expect(late.texts.get(`${root}/availability`)).toBe('online');
    expect(read(`${root}/state`)).toEqual({ phase: 'Running', people: 2, cameras: 2, connected: 1 });
    expect(read(`${root}/cameras/door/state`)).toEqual({ state: 'connected', people: 1, fps: 5, dropped: 0 });
    expect(read(`${root}/cameras/gate/state`)).toMatchObject({
      state: 'reconnecting',
      message: 'connection refused',
    });
    expect(read(`${root}/targets/anna/state`)).toMatchObject({
      camera: 'gate',
      time: '2026-01-01T12:00:00.000Z',
    });
    expect(late.texts.has(`${root}/identities/p1/seen`)).toBe(false);
    const found = [...late.retained].filter((topic) => topic.startsWith('homeassistant/')).sort();
    expect(found).toEqual([
      'homeassistant/binary_sensor/mei_site_hall/camera_door_connected/config',
      'homeassistant/binary_sensor/mei_site_hall/camera_gate_connected/config',
      'homeassistant/sensor/mei_site_hall/camera_door_people/config',
      'homeassistant/sensor/mei_site_hall/camera_gate_people/config',
      'homeassistant/sensor/mei_site_hall/people/config',
      'homeassistant/sensor/mei_site_hall/phase/config',
      'homeassistant/sensor/mei_site_hall/target_anna/config',
    ]);
    for (const topic of found) {
      const { state_topic: state, unique_id: id } = read(topic);
      expect([topic, late.texts.has(state as string)]).toEqual([topic, true]);
      expect(id).toMatch(/^mei_site_hall_/);
    }
  },
  30_000,
);

onBroker(
  'a broker that lost everything is told anew, with the events that waited',
  async () => {
    await startBroker();
    startBridge();
    await connected();
    await stopBroker();
    await until(() => lines.some((line) => line.startsWith('broker lost')), 'lost');
    site.tell(seen('p7'));
    site.view = { ...site.view, status: { phase: 'Running', identities: 7 } };
    lines.length = 0;
    const watching = startBroker().then(reader);
    const { texts } = await watching;
    await connected();
    await until(() => texts.has(`${root}/identities/p7/seen`), 'the event that waited');
    await until(() => texts.get(`${root}/state`)?.includes('"people":7') === true, 'the newest state');
  },
  30_000,
);

onBroker(
  'who is erased is forgotten, cameras that are gone too, and the end is told',
  async () => {
    await startBroker();
    startBridge();
    await connected();
    const { texts } = await reader();
    site.tell(sighted('p1'));
    await until(() => texts.get(`${root}/targets/anna/state`) !== undefined, 'seen');
    site.tell({
      kind: 'erased',
      identity: 'p9',
      names: ['p1'],
      tracks: [],
      time: 1_767_268_900,
    } as unknown as IdentityChange);
    site.view = { ...site.view, cameras: site.view.cameras.slice(0, 1) };
    await until(() => texts.get(`${root}/targets/anna/state`) === '', 'forgotten');
    await until(() => texts.get(`${root}/cameras/gate/state`) === '', 'the camera is gone');
    await until(
      () => texts.get('homeassistant/sensor/mei_site_hall/camera_gate_people/config') === '',
      'for Home Assistant too',
    );
    bridge!.abort.abort();
    await bridge!.ended;
    await until(() => texts.get(`${root}/availability`) === 'offline', 'offline');
    expect(existsSync(join(folder, 'bridge-state'))).toBe(true);
  },
  30_000,
);
