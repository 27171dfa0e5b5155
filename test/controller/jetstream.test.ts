// Tasks whose events travel through JetStream: what their workers are told and may reach, and real ones of them on a real server.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { V1PodSpec } from '@kubernetes/client-node';
import { follow } from '../../bench/matching/follow.ts';
import { eventTypes, type IdentityChange, type StageEvent } from '../../config/events.ts';
import type { Task } from '../../config/schema/resource.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { desired } from '../../controller/desired.ts';
import { configOf, manifestsOf } from '../../controller/manifests.ts';
import { workerLabel, type Manifest } from '../../controller/objects/manifest.ts';
import { standbyProblems } from '../../controller/standby.ts';
import { Link } from '../../delivery/jetstream/link.ts';
import { Publisher } from '../../delivery/jetstream/publisher.ts';
import { binaryMessage } from '../../delivery/binding.ts';
import { defaultSinkOptions } from '../../delivery/sink.ts';
import type { CreateStage } from '../../functions/function.ts';
import { toEnvelope } from '../../functions/host/codec.ts';
import { readSettings } from '../../functions/host/settings.ts';
import { startWorker, type Worker } from '../../functions/host/worker.ts';
import { readIdentities } from '../../functions/match/export.ts';
import { changeLogName } from '../../functions/status/changeLog.ts';
import { until } from '../delivery/receiver.ts';
import { interleave, makeWorld, pairScores, random, type World } from '../functions/match/world.ts';
import { onNats, startNats, type NatsServer } from '../support/nats.ts';
import { installation, sampleTask, surroundings, taskOf } from './sampleTasks.ts';

const { functions } = surroundings;

function objectsOf(task: Task): Manifest[] {
  return manifestsOf(task, desired(task, surroundings), { functions, installation, stopped: new Set() });
}

function configs(task: Task): Record<string, WorkerConfig> {
  const plan = desired(task, surroundings);
  return Object.fromEntries(plan.workers.map((worker) => [worker.name, configOf(task, worker, plan)]));
}

const camera = (id: string, node: string) =>
  `{id: ${id}, node: ${node}, source: {uri: /var/lib/recordings/a.mp4}}`;
const cameras = `cameras: [${camera('a', 'edge-1')}, ${camera('b', 'edge.2')}]`;
const broker = (jetStream: string) =>
  `delivery: {type: Broker, broker: {url: "nats://hub.example:4222", jetStream: {${jetStream}}}}`;

describe('what workers are told', () => {
  test('events for match and status go through the stream, pictures and what stays at the edge do not', () => {
    const told = configs(taskOf(`{${broker('maxBytes: 5Mi, maxAge: 2h, replicas: 3')}, ${cameras}}`));
    const stream = {
      url: 'nats://hub.example:4222',
      stream: 'mei-default-gate-00000000',
      subjects: 'mei.default.gate.00000000',
      maxBytes: 5 << 20,
      maxAgeS: 7200,
      replicas: 3,
      leaves: [],
    };
    const embed = told['gate-embed-edge-1']!;
    expect(embed.sinks).toEqual({
      [eventTypes.tracklets]: 'nats:gate-match',
      [eventTypes.stream]: 'nats:gate-match',
      [eventTypes.report]: 'nats:gate-status',
    });
    expect(embed.direct?.[eventTypes.report]).toBe('http://gate-status.default.svc:8080/');
    expect(embed.jetstream).toEqual(stream);
    expect(told['gate-match']!.jetstream).toEqual({ ...stream, receiver: 'gate-match' });
    expect(told['gate-status']!.jetstream).toEqual({ ...stream, receiver: 'gate-status' });
    expect(told['gate-ingest-edge-1']!.sinks[eventTypes.frame]).toMatch(/^http:/);
  });

  test('crops on their way to an embedder in the cloud are sent to it alone: streams are written to disks', () => {
    const inCloud = 'privacy: {egress: CropsAllowed}, stages: {embed: {placement: Cloud}}';
    const told = configs(taskOf(`{${broker('')}, ${inCloud}, ${cameras}}`));
    expect(told['gate-detect-edge-1']!.sinks).toMatchObject({
      [eventTypes.tracks]: 'http://gate-embed.default.svc:8080/',
      [eventTypes.stream]: 'http://gate-embed.default.svc:8080/',
    });
    expect(told['gate-embed']!.sinks[eventTypes.tracklets]).toBe('nats:gate-match');
    const packed = configs(taskOf(`{packing: PerNode, ${broker('')}, ${inCloud}, ${cameras}}`));
    expect(Object.values(packed).map(({ jetstream }) => jetstream)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('with leaf nodes workers at the edge speak with their own, and the hub knows all', () => {
    const leaf = 'leaf: {url: "nats://leaf.example:4222"}';
    const told = configs(taskOf(`{packing: PerNode, ${broker(leaf)}, ${cameras}}`));
    const edges = Object.values(told).filter(({ node }) => node !== 'cloud');
    expect(edges.map(({ jetstream }) => [jetstream!.url, jetstream!.domain, jetstream!.leaves])).toEqual([
      ['nats://leaf.example:4222', 'edge-1', []],
      ['nats://leaf.example:4222', 'edge_2', []],
    ]);
    expect(told['gate-cloud']!.jetstream).toMatchObject({
      url: 'nats://hub.example:4222',
      leaves: ['edge-1', 'edge_2'],
    });
    expect(told['gate-cloud']!.jetstream).not.toHaveProperty('domain');
  });

  test('those who stand by take events under one name', () => {
    const two = 'stages: {match: {replicas: 2}}, retention: {claimName: people}';
    const task = taskOf(`{${broker('')}, ${two}, ${cameras}}`);
    expect(standbyProblems(task)).toEqual([]);
    const told = configs(task);
    expect(['gate-match', 'gate-match2'].map((name) => told[name]!.jetstream!.receiver)).toEqual([
      'gate-match',
      'gate-match',
    ]);
    expect(told['gate-embed-edge-1']!.sinks[eventTypes.tracklets]).toBe('nats:gate-match');
  });
});

describe('the objects of the sample', () => {
  const objects = objectsOf(sampleTask('nats'));
  const podOf = (name: string) =>
    (
      objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)!['spec'] as {
        template: { spec: V1PodSpec };
      }
    ).template.spec;

  test.each([
    ['concourse-edge-edge-1', [['leaf-credentials', 'credentials']]],
    [
      'concourse-cloud',
      [
        ['credentials', 'credentials'],
        ['ca.crt', 'ca.crt'],
      ],
    ],
  ])('%s has its own credentials as a file, and no others', (name, files) => {
    const pod = podOf(name);
    const volume = pod.volumes!.find((each) => each.name === 'nats')!.projected!;
    expect(volume.sources!.map(({ secret }) => secret!.items)).toEqual(
      files.map(([key, path]) => [{ key, path }]),
    );
    const variables = Object.fromEntries(
      pod.containers[0]!.env!.map(({ name: variable, value }) => [variable, value]),
    );
    const folder = '/etc/multi-edge-inference-nats';
    expect(readSettings(variables).natsFiles).toEqual({
      credentialsFile: `${folder}/credentials`,
      ...(files.length > 1 && { caFile: `${folder}/ca.crt` }),
    });
  });

  test('workers reach the namespaces of their servers; from the edge nothing else is let into the cloud worker', () => {
    const policy = (name: string) =>
      objects.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === name)!['spec'] as {
        ingress: unknown[];
        egress: object[];
      };
    const key = 'kubernetes.io/metadata.name';
    for (const [name, namespace] of [
      ['concourse-edge-edge-1', 'mei-nats-edge'],
      ['concourse-cloud', 'mei-nats'],
    ] as const) {
      const servers = {
        namespaceSelector: { matchExpressions: [{ key, operator: 'In', values: [namespace] }] },
      };
      expect(policy(name).egress).toContainEqual({ to: [servers], ports: [{ protocol: 'TCP' }] });
    }
    expect(policy('concourse-cloud').ingress).toEqual([]);
    expect(JSON.stringify(policy('concourse-edge-edge-1'))).not.toContain('concourse-cloud');
  });

  test('there are no Triggers, and events that come otherwise need the token', () => {
    expect(objects.filter(({ kind }) => kind === 'Trigger')).toEqual([]);
    expect(JSON.stringify(objects)).not.toContain('"shown"');
  });
});

onNats('workers of a task on JetStream', () => {
  let server: NatsServer;
  let folder: string;
  let workers: Worker[];
  let link: Link;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nats-task-'));
    server = await startNats();
    workers = [];
    link = new Link({ url: server.url, name: 'edge', timeoutMs: 2000 });
  });
  afterEach(async () => {
    for (const worker of workers.toReversed()) await worker.drain();
    await link.close();
    await server.stop();
    for (const each of [folder, server.folder]) rmSync(each, { recursive: true, force: true });
  });

  const log = { debug() {}, info() {}, warn() {}, error() {} };

  /** As the manifests say, on one machine; workers of a group share a store. */
  async function start(objects: Manifest[], name: string, storeName = name): Promise<Worker> {
    const own = objects.filter(({ metadata }) => metadata.labels?.[workerLabel] === name);
    const data = own.find(({ kind }) => kind === 'ConfigMap')!['data'] as Record<string, string>;
    const config = JSON.parse(data['worker.json']!) as WorkerConfig;
    const storeFolder = join(folder, storeName);
    mkdirSync(storeFolder, { recursive: true });
    const worker = await startWorker({
      ...readSettings({ MEI_WORKER_CONFIG: 'none', MEI_HOST: '127.0.0.1' }),
      config: { ...config, storeFolder, jetstream: { ...config.jetstream!, url: server.url } },
      functions,
      load: async (handler) => {
        const url = new URL(`../../${handler.replace(/\.[^.]*$/, '')}.ts`, import.meta.url);
        const { create } = (await import(url.href)) as {
          create: (...parts: unknown[]) => ReturnType<CreateStage>;
        };
        return (of, logger) => create(of, logger, {});
      },
      log,
      port: 0,
      reportIntervalMs: 3_600_000,
      drainDeadlineMs: 10_000,
      stream: { lookMs: 20 },
    });
    workers.push(worker);
    return worker;
  }

  function taskFor(world: World, more: string): Task {
    const own = world.cameras.map((id) => camera(id, 'edge-1'));
    const matching = 'matching: {threshold: 0.5, margin: 0.05, votes: 1}';
    return taskOf(`{${broker('')}, ${more} ${matching}, cameras: [${own.join(', ')}]}`);
  }

  /** As the embed worker of the edge sends them. */
  async function send(task: Task, receiver: string, events: StageEvent[]): Promise<void> {
    const { jetstream } = Object.values(configs(task)).find(({ stages }) => stages.includes('embed'))!;
    const publisher = new Publisher({
      link,
      config: () => ({ ...jetstream!, url: server.url }),
      receiver,
      times: defaultSinkOptions,
      stopped: new AbortController().signal,
    });
    const source = '/namespaces/default/multiedgeinferences/gate';
    for (const event of events) {
      const data = {
        ...(event.data as object),
        ...(event.type === eventTypes.tracklets ? { model: 'ab'.repeat(32) } : { session: 's' }),
      };
      const sent = { ...event, source: `${source}${event.source}`, data };
      await publisher.post(binaryMessage(toEnvelope(sent)), () => undefined);
    }
  }

  const figure = (worker: Worker, name: string) => worker.stages[0]!.status()!.figures[name]!;

  function announced(statusFolder: string): IdentityChange[] {
    const text = readFileSync(join(folder, statusFolder, changeLogName), 'utf8');
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as IdentityChange]));
  }

  function stored(matchFolder: string): Map<string, string> {
    return new Map(
      readIdentities(join(folder, matchFolder)).flatMap(({ identity, tracks }) =>
        tracks.map(({ camera: where, track }): [string, string] => [`${where}/${track}`, identity]),
      ),
    );
  }
  const sorted = (belief: Map<string, string>) => [...belief].sort();

  test('each event reaches the stage that takes it, also one that starts later, and the results are told', async () => {
    const world = makeWorld(7, 8, 2, 0.3);
    const task = taskFor(world, '');
    const events = interleave(world, random(1), 0);
    await send(task, 'gate-match', events.slice(0, 20));
    const objects = objectsOf(task);
    await start(objects, 'gate-status');
    const match = await start(objects, 'gate-match');
    await send(task, 'gate-match', events.slice(20));
    await until(() => match.stages[0]!.status()!.phase === 'Completed', 'match has everything', 20_000);
    expect([figure(match, 'repeated'), figure(match, 'gaps')]).toEqual([0, 0]);
    await until(
      () => sorted(follow(announced('gate-status'))).join() === sorted(stored('gate-match')).join(),
      'told',
    );
    expect(pairScores(stored('gate-match'), world.truth).precision).toBeGreaterThan(0.95);
  });

  test('of two match workers only the owner of the task takes events, and the other one when it is gone', async () => {
    const world = makeWorld(7, 8, 2, 0.3);
    const task = taskFor(world, 'stages: {match: {replicas: 2}}, retention: {claimName: people},');
    const events = interleave(world, random(1), 0);
    const objects = objectsOf(task);
    await start(objects, 'gate-status');
    const first = await start(objects, 'gate-match', 'people');
    const second = await start(objects, 'gate-match2', 'people');
    const half = Math.floor(events.length / 2);
    await send(task, 'gate-match', events.slice(0, half));
    const count = async (worker: Worker) =>
      Number(
        /mei_stream_total\{outcome="handled"\} (\d+)/.exec(await worker.metrics.registry.metrics())?.[1],
      );
    await until(
      () => first.stages[0]!.inbox.length === 0 && figure(first, 'tracklets') > 0,
      'the first takes them',
    );
    expect(await count(second)).toBe(0);
    workers = workers.filter((worker) => worker !== first);
    await first.drain();
    await send(task, 'gate-match', events.slice(half));
    await until(() => second.stages[0]!.status()!.phase === 'Completed', 'the second has everything', 20_000);
    expect(await count(second)).toBeGreaterThan(0);
    expect(figure(second, 'gaps')).toBe(0);
    expect(pairScores(stored('people'), world.truth).precision).toBeGreaterThan(0.95);
  });
});
