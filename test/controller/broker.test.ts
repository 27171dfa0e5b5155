// Real workers behind a Broker, as the manifests of a task wire them: every event arrives where it should, and none goes round.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { V1PodSpec } from '@kubernetes/client-node';
import { follow } from '../../bench/matching/follow.ts';
import { eventTypes, type IdentityChange, type StageEvent } from '../../config/events.ts';
import type { Task } from '../../config/schema/resource.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { desired } from '../../controller/desired.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import { workerLabel, type Manifest } from '../../controller/objects/manifest.ts';
import { isWorkload } from '../../controller/objects/runtime.ts';
import { binaryMessage } from '../../delivery/binding.ts';
import type { CreateStage } from '../../functions/function.ts';
import { toEnvelope } from '../../functions/host/codec.ts';
import { readSettings } from '../../functions/host/settings.ts';
import { startWorker, type Worker } from '../../functions/host/worker.ts';
import { readIdentities } from '../../functions/match/export.ts';
import { changeLogName } from '../../functions/status/changeLog.ts';
import { interleave, makeWorld, pairScores, random, type World } from '../functions/match/world.ts';
import { TestBroker } from '../support/broker.ts';
import { installation, surroundings, taskOf } from './sampleTasks.ts';

let folder: string;
let broker: TestBroker;
let workers: Worker[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'broker-'));
  broker = new TestBroker();
  workers = [];
});
afterEach(async () => {
  for (const worker of workers) await worker.drain();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

const log = { debug() {}, info() {}, warn() {}, error() {} };

/** Starts the cloud workers that the manifests describe, and lets the Broker know their Triggers. */
async function startCloud(task: Task): Promise<string> {
  const brokerUrl = await broker.start();
  const plan = { ...desired(task, surroundings), brokerUrl };
  const { functions } = surroundings;
  const objects = manifestsOf(task, plan, { functions, installation, stopped: new Set() });
  const addresses = new Map<string, string>();
  for (const { name } of plan.workers.filter(({ placement }) => placement === 'cloud')) {
    const worker = await startOne(objects, name);
    workers.push(worker);
    addresses.set(name, `http://127.0.0.1:${worker.port}/`);
  }
  broker.use(
    objects.filter(({ kind }) => kind === 'Trigger'),
    ({ metadata }) => addresses.get(metadata.labels![workerLabel]!)!,
  );
  return brokerUrl;
}

async function startOne(objects: Manifest[], name: string): Promise<Worker> {
  const own = objects.filter(({ metadata }) => metadata.labels?.[workerLabel] === name);
  const data = own.find(({ kind }) => kind === 'ConfigMap')!['data'] as Record<string, string>;
  const { template } = own.find(isWorkload)!['spec'] as { template: { spec: V1PodSpec } };
  const variables: NodeJS.ProcessEnv = Object.fromEntries(
    template.spec.containers[0]!.env!.map(({ name: key, value }) => [key, value]),
  );
  const storeFolder = join(folder, name);
  mkdirSync(storeFolder);
  return startWorker({
    ...readSettings({ ...variables, MEI_HOST: '127.0.0.1', MEI_DRAIN_GRACE_MS: '0' }),
    config: { ...(JSON.parse(data['worker.json']!) as WorkerConfig), storeFolder },
    functions: surroundings.functions,
    load: async (handler) => {
      const url = new URL(`../../${handler.replace(/\.[^.]*$/, '')}.ts`, import.meta.url);
      const { create } = (await import(url.href)) as {
        create: (...parts: unknown[]) => ReturnType<CreateStage>;
      };
      return (config, logger) => create(config, logger, {});
    },
    log,
    port: 0,
    reportIntervalMs: 3_600_000,
    drainDeadlineMs: 10_000,
  });
}

/** As the embed workers of the edge would send it: their digest of a model is one. */
function asSent(events: StageEvent[]): StageEvent[] {
  const source = '/namespaces/default/multiedgeinferences/gate';
  return events.map((event) => ({
    ...event,
    source: `${source}${event.source}`,
    data: {
      ...(event.data as object),
      ...(event.type === eventTypes.tracklets ? { model: 'ab'.repeat(32) } : { session: 's' }),
    },
  }));
}

async function send(url: string, events: StageEvent[]): Promise<void> {
  for (const event of events) {
    const { headers, parts } = binaryMessage(toEnvelope(event));
    expect((await broker.post(url, headers, Buffer.concat(parts))).status).toBe(202);
  }
}

function taskFor(world: World, more: string): Task {
  const cameras = world.cameras.map(
    (id) => `{id: ${id}, node: edge-1, source: {uri: /var/lib/recordings/a.mp4}}`,
  );
  const matching = 'matching: {threshold: 0.5, margin: 0.05, votes: 1}';
  return taskOf(`{delivery: {type: Broker}, ${more} ${matching}, cameras: [${cameras.join(', ')}]}`);
}

function announced(statusFolder: string): IdentityChange[] {
  const text = readFileSync(join(folder, statusFolder, changeLogName), 'utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as IdentityChange]));
}

function stored(matchFolder: string): Map<string, string> {
  const identities = readIdentities(join(folder, matchFolder));
  return new Map(
    identities.flatMap(({ identity, tracks }) =>
      tracks.map(({ camera, track }): [string, string] => [`${camera}/${track}`, identity]),
    ),
  );
}

const takenOf = (event: keyof typeof eventTypes) =>
  broker.taken.filter((name) => name.startsWith(`${eventTypes[event]} `)).length;
const sorted = (belief: Map<string, string>) => [...belief].sort();

test('each event reaches the stage that takes it, once; none is answered with an event, none is lost', async () => {
  const world = makeWorld(7, 8, 2, 0.3);
  const url = await startCloud(taskFor(world, ''));
  const events = asSent(interleave(world, random(1), 0));
  for (const event of events) {
    await send(url, [event]);
    await broker.idle();
  }
  expect(broker.dead).toEqual([]);
  expect(broker.replies).toEqual([]);
  expect(broker.delivered.get('gate-match-tracklets-default')).toBe(takenOf('tracklets'));
  expect(broker.delivered.get('gate-match-stream-default')).toBe(world.cameras.length);
  expect(takenOf('tracklets') + takenOf('stream')).toBe(events.length);
  expect(takenOf('identities')).toBeGreaterThan(0);
  expect(broker.delivered.get('gate-status-identities-default')).toBe(takenOf('identities'));
  const belief = follow(announced('gate-status'));
  expect(sorted(belief)).toEqual(sorted(stored('gate-match')));
  expect(pairScores(belief, world.truth).precision).toBeGreaterThan(0.95);
});

test('stages that share a worker hand over in memory, though the Broker asks for replies', async () => {
  const world = makeWorld(7, 6, 2, 0.3);
  const url = await startCloud(taskFor(world, 'packing: PerNode,'));
  await send(url, asSent(interleave(world, random(1), 0)));
  await broker.idle();
  expect([broker.dead, broker.replies, takenOf('identities')]).toEqual([[], [], 0]);
  expect(sorted(follow(announced('gate-cloud')))).toEqual(sorted(stored('gate-cloud')));
});

test("the events of another task are nobody else's, though their types are the same", async () => {
  const world = makeWorld(7, 4, 2, 0.3);
  const url = await startCloud(taskFor(world, ''));
  const [event] = asSent(interleave(world, random(1), 0));
  for (const task of ['gate-2', 'gat', 'other'])
    await send(url, [{ ...event!, source: event!.source.replace('/gate/', `/${task}/`) }]);
  await broker.idle();
  expect([takenOf('tracklets'), broker.delivered.size, broker.dead]).toEqual([3, 0, []]);
});

test('events that come twice and not in order change who is who only a little, and stop nothing', async () => {
  const world = makeWorld(7, 8, 2, 0.3);
  const url = await startCloud(taskFor(world, ''));
  const next = random(3);
  const events = asSent(interleave(world, random(1), 0));
  for (let at = 0; at < events.length; at += 6) {
    broker.hold();
    const some = events.slice(at, at + 6);
    await send(url, [...some, ...some]);
    broker.release((held) =>
      held
        .map((each) => ({ each, key: next() }))
        .sort((a, b) => a.key - b.key)
        .map(({ each }) => each),
    );
    await broker.idle();
  }
  expect(broker.dead).toEqual([]);
  const tracks = stored('gate-match');
  expect([...tracks.keys()].sort()).toEqual([...world.truth.keys()].sort());
  expect(pairScores(tracks, world.truth).precision).toBeGreaterThan(0.9);
  expect(sorted(follow(announced('gate-status')))).toEqual(sorted(tracks));
});
