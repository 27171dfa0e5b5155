// From a task to the workers it needs: pure, so that the cluster, `mei run` and `mei render` all mean the same.
import { createHash } from 'node:crypto';
import { eventTypes, type EventName } from '../config/events.ts';
import type { FunctionList } from '../config/functions.ts';
import { durationSeconds } from '../config/quantities.ts';
import type { Camera } from '../config/schema/camera.ts';
import type { Task } from '../config/schema/resource.ts';
import { sourceTypeOf, type CameraSource } from '../config/schema/source.ts';
import type { ModelRef } from '../config/schema/stages.ts';
import {
  stageNames,
  type CameraConfig,
  type ModelConfig,
  type StageName,
  type WorkerConfig,
} from '../config/worker.ts';
import { jetStreamOf, type Place } from './jetStreams.ts';
import { outboxOf } from './outboxes.ts';
import { shardsOf } from './shards.ts';

/** What desired() cannot know from the task alone. */
export interface Surroundings {
  functions: FunctionList;
  /** Looks a model up: an own model of the task, or a row of the catalogue. Throws with the reason. */
  resolveModel(ref: ModelRef, stage: 'detect' | 'embed'): ModelConfig;
  defaultModels: { detect: ModelRef; embed: ModelRef };
  /** Threads of an inference session. */
  threads: number;
  /** Media time of the first picture of files that do not say, seconds since the epoch. */
  clockStart: number;
  /** Edge side: folder for local results. Absent: none. */
  resultsFolder?: string;
  /** Folder of the embedded store. */
  storeFolder: string;
  /** Edge side: folder in which each worker keeps what has not reached the cloud. Absent: nothing is kept. */
  outboxFolder?: string;
  /** Tells this life of the task from others of its name, where events travel through a stream. Absent: the uid of the task. */
  streamId?: string;
}

/** One worker: a process, or one Deployment. */
export interface DesiredWorker {
  /** DNS label, unique within the task. */
  name: string;
  placement: 'edge' | 'cloud';
  /** The node it must run on. Absent: any that its stages' node selectors allow. */
  nodeName?: string;
  config: Omit<WorkerConfig, 'sinks'>;
  /** Event type -> name of the worker it is sent to; of several, the first: see receivers.ts. */
  routes: Record<string, string>;
  /** Of types that several workers take, each for some of the cameras: event type -> their names. */
  shards?: Record<string, string[]>;
  env: Record<string, string>;
}

export interface DesiredTask {
  /** In the order of the stages: each sends only to later ones. */
  workers: DesiredWorker[];
  /** In a cluster: where the Broker takes events, for a task that delivers through one. */
  brokerUrl?: string;
}

/** In a cluster: where the match worker finds query pictures of Secrets and ConfigMaps, as `<target>/<number>`. */
export const targetImagesFolder = '/etc/multi-edge-inference-targets';

type Group = Pick<DesiredWorker, 'name' | 'placement'> & {
  stages: StageName[];
  node: string;
  cameras: Camera[];
  /** Name of the first of those who share the work of these stages; that of the group itself when it is alone. */
  first: string;
  shared?: 'cameras' | 'standby';
};

/**
 * @throws Error with one clear line when a model cannot be resolved.
 */
export function desired(task: Task, surroundings: Surroundings): DesiredTask {
  const groups = groupStages(task, surroundings.functions);
  const models = {
    detect: surroundings.resolveModel(
      task.spec.stages.detect.modelRef ?? surroundings.defaultModels.detect,
      'detect',
    ),
    embed: surroundings.resolveModel(
      task.spec.stages.embed.modelRef ?? surroundings.defaultModels.embed,
      'embed',
    ),
  };
  const places = groups.map(placeOf);
  const streamId = surroundings.streamId ?? task.metadata.uid ?? '';
  const cloud = new Set(groups.filter(({ placement }) => placement === 'cloud').map(({ name }) => name));
  return {
    workers: groups.map((group) => {
      const { routes, shards } = routesOf(group, groups, surroundings.functions);
      const receivers = new Set(Object.values(routes));
      const jetstream = jetStreamOf(task, placeOf(group), places, receivers, streamId);
      const { outboxFolder } = surroundings;
      const isKept = group.placement === 'edge' && outboxFolder !== undefined;
      const outbox = isKept ? outboxOf(task, group.name, routes, cloud, outboxFolder) : undefined;
      return {
        name: group.name,
        placement: group.placement,
        ...(group.placement === 'edge' && group.node !== '' && { nodeName: group.node }),
        config: {
          ...workerConfig(task, group, models, surroundings),
          ...(outbox && { outbox }),
          ...(jetstream && { jetstream }),
        },
        routes,
        ...(Object.keys(shards).length > 0 && { shards }),
        env: workerEnvironment(group),
      };
    }),
  };
}

function placeOf({ first, placement, stages, node }: Group): Place {
  return { receiver: first, placement, stages, node: node || 'edge' };
}

/** Which stages share a worker: one each (PerStage), or all of a node (PerNode). */
function groupStages(task: Task, functions: FunctionList): Group[] {
  const { packing, cameras, stages } = task.spec;
  const byNode = new Map<string, Camera[]>();
  for (const camera of cameras) {
    const node = camera.node ?? '';
    byNode.set(node, [...(byNode.get(node) ?? []), camera]);
  }
  const edge = stageNames.filter((stage) => stages[stage].placement === 'Edge');
  const cloud = stageNames.filter((stage) => stages[stage].placement === 'Cloud');
  const packs = (names: StageName[], packName: string) =>
    packing === 'PerNode'
      ? [{ suffix: packName, stages: names }]
      : names.map((name) => ({ suffix: name, stages: [name] }));
  const edgeGroups = packs(edge, 'edge').flatMap(({ suffix, stages: names }) =>
    [...byNode].flatMap(([node, nodeCameras]) =>
      sharing(task, functions, names, nodeCameras).map((part, index): Group => ({
        name: workerName(task.metadata.name, numbered(suffix, index), node),
        first: workerName(task.metadata.name, suffix, node),
        placement: 'edge',
        node,
        stages: names,
        ...part,
      })),
    ),
  );
  const cloudGroups = packs(cloud, 'cloud').flatMap(({ suffix, stages: names }) =>
    sharing(task, functions, names, cameras).map((part, index): Group => ({
      name: `${task.metadata.name}-${numbered(suffix, index)}`,
      first: `${task.metadata.name}-${suffix}`,
      placement: 'cloud',
      node: 'cloud',
      stages: names,
      ...part,
    })),
  );
  return [...edgeGroups, ...cloudGroups];
}

/** The first keeps the name that it has when it is alone. No stage ends in a number, so that no node's name makes two alike. */
function numbered(suffix: string, index: number): string {
  return index === 0 ? suffix : `${suffix}${index + 1}`;
}

/** Which cameras each of the workers has that these stages shall have; with a single one, all. */
function sharing(
  { spec }: Task,
  { functions }: FunctionList,
  stages: readonly StageName[],
  cameras: Camera[],
): Pick<Group, 'cameras' | 'shared'>[] {
  const counts = stages.map((name) => {
    const { min, max } = functions[name].scaling;
    return Math.min(spec.stages[name].replicas ?? Math.max(1, min), max);
  });
  const kinds = new Set(stages.map((name) => functions[name].scaling.shared));
  const [shared] = kinds;
  // Packed stages cannot be multiplied one by one.
  const count = kinds.size > 1 ? 1 : Math.min(...counts);
  if (shared === undefined || count === 1) return [{ cameras }];
  if (shared === 'standby') return Array.from({ length: count }, () => ({ cameras, shared }));
  const most = Math.min(count, cameras.length);
  if (most === 1) return [{ cameras }];
  const shards = shardsOf(
    cameras.map(({ id }) => id),
    most,
  );
  return shards.map((ids) => ({ cameras: cameras.filter(({ id }) => ids.includes(id)), shared }));
}

/** A DNS label; a digest keeps it unique where the node's name had to be changed or cut. */
function workerName(task: string, suffix: string, node: string): string {
  if (node === '') return `${task}-${suffix}`;
  const name = `${task}-${suffix}-${node}`;
  if (name.length <= 63 && !node.includes('.')) return name;
  const digest = createHash('sha256').update(node).digest('hex').slice(0, 6);
  return `${name.replaceAll('.', '-').slice(0, 56)}-${digest}`;
}

/** Every event goes to the next stage that takes it: on the same node when it runs there, else in the cloud. */
function routesOf(
  group: Group,
  groups: Group[],
  functions: FunctionList,
): { routes: Record<string, string>; shards: Record<string, string[]> } {
  const routes: Record<string, string> = {};
  const shards: Record<string, string[]> = {};
  for (const stage of group.stages) {
    const later = stageNames.slice(stageNames.indexOf(stage) + 1);
    const produced: EventName[] = [...functions.functions[stage].produces, 'report'];
    for (const name of produced) {
      const consumer = later.find((candidate) => functions.functions[candidate].consumes.includes(name));
      const target = consumer && nearest(groups, consumer, group.node);
      if (!target || target.name === group.name) continue;
      routes[eventTypes[name]] = target.name;
      if (target.shared === 'cameras')
        shards[eventTypes[name]] = groups
          .filter(({ first }) => first === target.first)
          .map((each) => each.name);
    }
  }
  return { routes, shards };
}

function nearest(groups: Group[], stage: StageName, node: string): Group | undefined {
  const hosting = groups.filter((group) => group.stages.includes(stage));
  return hosting.find((group) => group.node === node) ?? hosting[0];
}

function workerConfig(
  task: Task,
  group: Group,
  models: DesiredWorker['config']['models'],
  surroundings: Surroundings,
): DesiredWorker['config'] {
  const { metadata, spec } = task;
  const { threads, storeFolder, resultsFolder } = surroundings;
  const { intervalS = 5, ...embedParams } = spec.stages.embed.params;
  return {
    task: {
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid ?? '',
      generation: metadata.generation ?? 1,
    },
    worker: group.name,
    ...(group.shared === 'standby' && { group: group.first }),
    node: group.node || 'edge',
    stages: group.stages,
    cameras: group.cameras.map((camera) => cameraConfig(camera, surroundings.clockStart)),
    models,
    detect: { threads, params: { ...gateParams(task), ...spec.stages.detect.params } },
    embed: { threads, intervalS, params: embedParams },
    match: matchOptions(task, surroundings.functions),
    ...(group.placement === 'cloud' ? { storeFolder } : resultsFolder !== undefined && { resultsFolder }),
    ...timingOptions(task),
    classes: spec.tracking.classes,
  };
}

function timingOptions({ spec: { timing } }: Task): Pick<WorkerConfig, 'timing'> {
  const { mode, window } = timing;
  if (mode === 'OnTheFly' && !window) return {};
  const seconds = (time: string | undefined) => time !== undefined && Date.parse(time) / 1000;
  const [startS, endS] = [seconds(window?.start), seconds(window?.end)];
  const limits = { ...(startS !== false && { startS }), ...(endS !== false && { endS }) };
  return { timing: { mode, ...(window && { window: limits }) } };
}

function gateParams({ spec }: Task): Record<string, number> {
  const { motionGate } = spec.stages.detect;
  if (!motionGate) return {};
  const { stillFps, emptyFps } = motionGate;
  return {
    stillIntervalSeconds: 1 / stillFps,
    ...(emptyFps !== undefined && { emptyIntervalSeconds: 1 / emptyFps }),
  };
}

const threadStep = 16;

/** A live camera keeps one of libuv's threads waiting for data; files, the disk and the network need some too. */
function workerEnvironment({ cameras, stages }: Group): Record<string, string> {
  if (!stages.includes('ingest')) return {};
  // In steps: the process keeps the number that it began with, and one more camera should need no other process.
  const threads = Math.ceil((cameras.length + 4) / threadStep) * threadStep;
  return { UV_THREADPOOL_SIZE: String(Math.min(1024, threads)) };
}

function matchOptions({ spec }: Task, { functions }: FunctionList): WorkerConfig['match'] {
  const { threshold, margin, votes, unknownBelow } = spec.matching;
  const { closeContact } = spec;
  return {
    acrossCamera: spec.tracking.acrossCamera,
    mode: spec.tracking.mode,
    ...(threshold !== undefined && { threshold }),
    ...(margin !== undefined && { margin }),
    votes,
    ...(unknownBelow !== undefined && { unknownBelow }),
    overlaps: spec.topology.overlaps.map(({ cameras }) => ({ cameras: cameras as [string, string] })),
    travel: spec.topology.travelTimes.map(({ from, to, minSeconds, maxSeconds }) => ({
      from,
      to,
      minS: minSeconds,
      maxS: maxSeconds,
    })),
    targets: spec.targets.map(({ name, images }) => ({
      name,
      images: images.map(({ file, url }, index) => file ?? url ?? `${targetImagesFolder}/${name}/${index}`),
    })),
    ...(closeContact && {
      contacts: {
        method: closeContact.method,
        distanceM: closeContact.distanceMeters,
        minimumS: closeContact.minimumSeconds,
      },
    }),
    ...(functions.match.batching && { batching: functions.match.batching }),
    retentionS: durationSeconds(spec.retention.results),
    // None outlive the results that they belong to.
    vectorsS: Math.min(durationSeconds(spec.retention.vectors), durationSeconds(spec.retention.results)),
    params: spec.stages.match.params,
  };
}

function cameraConfig(camera: Camera, clockStart: number): CameraConfig {
  const { id, source, fps, homography, mask } = camera;
  const type = sourceTypeOf(source);
  const startTime = source.startTime === undefined ? clockStart : Date.parse(source.startTime) / 1000;
  return {
    id,
    source: {
      type,
      ...(source.uri !== undefined && { uri: source.uri }),
      ...(type === 'File' && { startTime }),
      realtime: source.realtime,
      ...(source.secretRef && credentialNames(id)),
      transport: source.transport,
      ...(source.tls && { tls: tlsConfig(id, source.tls) }),
      ...(type === 'Push' && { push: pushConfig(id, source.push) }),
    },
    ...(fps !== undefined && { fps }),
    ...(homography && { homography }),
    mask: mask.map(({ name, points }) => ({ name, points: points.flat() })),
  };
}

function tlsConfig(
  camera: string,
  { verification, caRef, serverName }: NonNullable<CameraSource['tls']>,
): NonNullable<CameraConfig['source']['tls']> {
  return {
    verification,
    ...(caRef && { caFileEnv: `${variablePrefix(camera)}_CA_FILE` }),
    ...(serverName !== undefined && { serverName }),
  };
}

function pushConfig(camera: string, push: CameraSource['push']): NonNullable<CameraConfig['source']['push']> {
  const { tokenRef, picturesPerSecond = 30, origins = [] } = push ?? {};
  return {
    ...(tokenRef && { tokenFileEnv: `${variablePrefix(camera)}_TOKEN_FILE` }),
    picturesPerSecond,
    origins,
  };
}

/** Environment variables that hold a camera's user name and password, e.g. CAMERA_GATE_2_USERNAME. */
function credentialNames(camera: string) {
  return {
    usernameEnv: `${variablePrefix(camera)}_USERNAME`,
    passwordEnv: `${variablePrefix(camera)}_PASSWORD`,
  };
}

function variablePrefix(camera: string): string {
  return `CAMERA_${camera.toUpperCase().replaceAll('-', '_')}`;
}
