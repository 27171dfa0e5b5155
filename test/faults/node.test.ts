// Faults of a node's local controller, with real processes of it: what it took for the cloud arrives.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { eventTypes } from '../../config/events.ts';
import { TaskTokens } from '../../controller/taskTokens.ts';
import { startLocal, type LocalProcess } from '../controller/link/localProcess.ts';
import {
  createSite,
  edgeTask,
  shares,
  startCloud,
  taskKey,
  type Cloud,
  type Site,
} from '../controller/link/site.ts';
import { startReceiver, type Receiver } from '../delivery/receiver.ts';
import { random } from '../functions/match/world.ts';
import type { Fault } from './catalogue.ts';
import { compileProgram, type Program } from './program.ts';
import { until } from './run.ts';

const worker = 'gate-edge-edge-1';
const uid = 'uid-of-gate';
const [token] = new TaskTokens([taskKey]).of(uid) as [string];
let nodeToken: string;
let program: Program;
let site: Site;
let cloud: Cloud | undefined;
let receiver: Receiver;
let local: LocalProcess;

beforeAll(() => {
  program = compileProgram();
});
afterAll(() => program.remove());
beforeEach(async () => {
  site = createSite();
  nodeToken = readFileSync(site.addToken('edge-1'), 'utf8').trim();
  receiver = await startReceiver();
});
afterEach(async () => {
  local.child.kill('SIGKILL');
  await cloud?.close();
  await receiver.close();
  site.remove();
});

/** The controller; the task's match and status are the receiver. */
async function openCloud(port = 0): Promise<Cloud> {
  const opened = await startCloud(site, { port });
  const share = shares(edgeTask('gate', 1)).get('edge-1')!;
  const workers = share.workers.map((each) => ({
    ...each,
    sinks: Object.fromEntries(Object.keys(each.sinks).map((type) => [type, receiver.url])),
  }));
  opened.downstream.publish(
    'default/gate',
    new Map([['edge-1', { ...share, workers, digest: receiver.url }]]),
  );
  return opened;
}

const startNode = async (port: number, env: Record<string, string> = {}) => {
  local = await startLocal(site, 'edge-1', port, env, program.localController);
  const known = async () => (await ask('config')).ok;
  await until(known, 'the node knows its task', 20_000);
};

const ask = (what: string, init: RequestInit = {}) =>
  fetch(`${local.url}/v1/workers/${worker}/${what}?uid=${uid}`, init);

function send(camera: string, ids: string[]): Promise<Response> {
  const events = ids.map((id) => ({
    specversion: '1.0',
    id,
    source: `/namespaces/default/multiedgeinferences/gate/embed/${camera}`,
    type: eventTypes.tracklets,
    partitionkey: camera,
    data: { camera, padding: 'x'.repeat(500) },
  }));
  const headers = { 'content-type': 'application/cloudevents-batch+json', authorization: `Bearer ${token}` };
  return ask('events', { method: 'POST', headers, body: JSON.stringify(events) });
}

/** As a program without a disk does: again until it hears 202. */
async function sendUntilTaken(camera: string, ids: string[]): Promise<void> {
  await until(
    async () => (await send(camera, ids).catch(() => undefined))?.status === 202,
    `${camera} ${ids.join()} is taken`,
  );
}

/** Of a camera, each once, in the order of their first arrival. */
const arrived = (camera: string) => [
  ...new Set(
    receiver.taken
      .filter(({ attributes }) => attributes['partitionkey'] === camera)
      .map(({ attributes }) => String(attributes['id'])),
  ),
];

test(
  'kill -9 of a local controller, and of the controller, between 202 and delivery' satisfies Fault,
  async () => {
    const next = random(4);
    cloud = await openCloud();
    const { port } = cloud.server;
    await startNode(port);
    // The cloud takes what comes only now and then.
    receiver.answer = () => ({ status: next() < 0.6 ? 503 : 202 });
    const logs: string[] = [];
    const cameras = ['a', 'b', 'c'];
    const taken: Record<string, string[]> = { a: [], b: [], c: [] };
    for (let round = 0; round < 20; round++) {
      for (const camera of cameras) {
        const ids = Array.from({ length: 1 + Math.floor(next() * 5) }, (_, i) => `${camera}-${round}-${i}`);
        await sendUntilTaken(camera, ids);
        taken[camera]!.push(...ids);
      }
      if (round % 4 === 1) {
        await local.kill('SIGKILL');
        logs.push(...local.lines);
        // Every other time the node starts without the cloud.
        if (round % 8 === 1) {
          await cloud?.close();
          cloud = undefined;
        } else cloud ??= await openCloud(port);
        await startNode(port);
      }
    }
    receiver.answer = () => ({ status: 202 });
    const wanted = () => cameras.every((camera) => arrived(camera).length === taken[camera]!.length);
    await until(wanted, 'everything has arrived');
    for (const camera of cameras) expect(arrived(camera)).toEqual(taken[camera]);
    expect(receiver.requests.every(({ headers }) => headers.authorization === `Bearer ${token}`)).toBe(true);
    const said = [...logs, ...local.lines, JSON.stringify(cloud?.log.lines ?? [])].join('\n');
    expect(said).toMatch(/connected to the controller/);
    // Neither what workers know each other by, nor the node's own token, nor what is in the events.
    for (const secret of [token, taskKey, nodeToken, 'xxxxxxxxxx']) expect(said).not.toContain(secret);
  },
  120_000,
);

const isRoot = process.getuid?.() === 0;
if (!isRoot)
  process.stderr.write(
    'SKIPPED: "the disk of a local controller is full" needs root to mount a small file system\n',
  );
if (!isRoot && process.env['CI'] === 'true') throw new Error('the test of a full disk needs root in CI');

(isRoot ? test : test.skip)(
  'the disk of a local controller is full' satisfies Fault,
  async () => {
    const disk = join(site.folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    try {
      cloud = await openCloud();
      const { port } = cloud.server;
      await startNode(port, { MEI_LC_STORE: disk });
      receiver.answer = () => ({ status: 503 });
      await sendUntilTaken('a', ['a-1', 'a-2']);
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, 'ballast'), Buffer.alloc(bavail * bsize));
      // The file that is there may have room for a few.
      let refusal: Response | undefined;
      let number = 2;
      await until(async () => {
        const response = await send('a', [`a-${number + 1}`]);
        if (response.status === 202) number++;
        else refusal = response;
        return refusal !== undefined;
      }, 'events are refused');
      expect([refusal!.status, refusal!.headers.get('retry-after')]).toEqual([503, '1']);
      expect(((await refusal!.json()) as { error: string }).error).toMatch(
        /cannot be used .*check space and permissions/,
      );
      expect((await ask('config')).status).toBe(200);
      expect((await fetch(`${local.url}/readyz`)).status).toBe(200);
      await local.kill('SIGKILL');
      await startNode(port, { MEI_LC_STORE: disk });
      expect((await send('a', ['none'])).status).toBe(503);
      expect(local.lines.join()).toMatch(/cannot be used/);
      rmSync(join(disk, 'ballast'));
      await sendUntilTaken('a', ['last']);
      receiver.answer = () => ({ status: 202 });
      await until(() => arrived('a').includes('last'), 'everything has arrived');
      expect(arrived('a')).toEqual([...Array.from({ length: number }, (_, i) => `a-${i + 1}`), 'last']);
    } finally {
      local.child.kill('SIGKILL');
      execFileSync('umount', ['-l', disk]);
    }
  },
  120_000,
);
