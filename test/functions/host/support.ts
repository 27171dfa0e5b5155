// Workers of made-up stages for the tests of the host: real HTTP on loopback, everything closed by `cleanUp`.
import { loadFunctions } from '../../../config/functions.ts';
import { eventTypes } from '../../../config/events.ts';
import { startWorker } from '../../../functions/host/worker.ts';
import type { FrameData, StageEvent, TracksData } from '../../../config/events.ts';
import type { FunctionList, FunctionSpec } from '../../../config/functions.ts';
import type { StageName, WorkerConfig } from '../../../config/worker.ts';
import type { Log, StageFunction } from '../../../functions/function.ts';
import type { Worker, WorkerOptions } from '../../../functions/host/worker.ts';

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A log that keeps its lines. */
export function recordingLog() {
  const lines: { level: string; keys: object; message: string }[] = [];
  const at = (level: string) => (keys: object, message: string) => void lines.push({ level, keys, message });
  return {
    lines,
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } satisfies Log,
  };
}

export function workerConfig(stages: StageName[], changes: Partial<WorkerConfig> = {}): WorkerConfig {
  return {
    task: { name: 'hall', namespace: 'default', uid: 'u1', generation: 1 },
    worker: `w-${stages.join('-')}`,
    node: 'node-a',
    stages,
    cameras: ['a', 'b'].map((id) => ({
      id,
      source: { type: 'Push', realtime: false, transport: 'TCP' },
      mask: [],
    })),
    models: {},
    detect: { threads: 1, params: {} },
    embed: { threads: 1, intervalS: 5, params: {} },
    match: {
      acrossCamera: true,
      mode: 'MultiObject',
      votes: 1,
      overlaps: [],
      travel: [],
      targets: [],
      params: {},
    },
    sinks: {},
    classes: ['person'],
    ...changes,
  };
}

/** The real list of functions, with `changes` to single ones. */
export function functionList(changes: Partial<Record<StageName, Partial<FunctionSpec>>> = {}): FunctionList {
  const list = loadFunctions();
  for (const [name, change] of Object.entries(changes))
    Object.assign(list.functions[name as StageName], change);
  return list;
}

const running: Worker[] = [];

/** Starts a worker whose stages are `stages`; it is drained by `cleanUp` if the test does not. */
export async function start(
  stages: Partial<Record<StageName, StageFunction>>,
  options: Partial<Omit<WorkerOptions, 'config'>> & { config?: Partial<WorkerConfig> } = {},
): Promise<Worker & { url: string }> {
  const { config, ...rest } = options;
  const worker = await startWorker({
    functions: functionList(),
    load: async (handler) => async () => stages[handler.split('/')[1] as StageName]!,
    log: silent,
    port: 0,
    host: '127.0.0.1',
    reportIntervalMs: 60_000,
    drainDeadlineMs: 10_000,
    drainGraceMs: 0,
    ...rest,
    config: workerConfig(Object.keys(stages) as StageName[], config),
  });
  running.push(worker);
  return { ...worker, url: `http://127.0.0.1:${worker.port}/` };
}

export async function cleanUp() {
  await Promise.allSettled(running.splice(0).map((worker) => worker.drain()));
}

/** A promise to be settled from outside. */
export function deferred<T = void>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Resolves as soon as `condition` holds. @throws Error after `deadlineMs` */
export async function until(condition: () => boolean, what: string, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function frame(camera: string, sequence: number, width = 4, height = 2): StageEvent<FrameData> {
  const pixels = new Uint8Array(width * height * 3).map((_, i) => (i * 7 + sequence) & 255);
  return {
    id: `${camera}-${sequence}`,
    source: `/test/ingest/${camera}`,
    type: eventTypes.frame,
    time: new Date(1_700_000_000_000 + sequence * 40).toISOString(),
    subject: camera,
    partitionkey: camera,
    data: { camera, sequence, time: 1_700_000_000 + sequence * 0.04, width, height, pixels },
  };
}

export function tracks(camera: string, sequence: number, people = 2): StageEvent<TracksData> {
  const data: TracksData = {
    camera,
    session: 's1',
    sequence,
    time: 1_700_000_000 + sequence * 0.04,
    width: 640,
    height: 480,
    ids: Uint32Array.from({ length: people }, (_, i) => i + 1),
    boxes: Float32Array.from({ length: people * 4 }, (_, i) => i + sequence / 3),
    scores: Float32Array.from({ length: people }, (_, i) => 1 / (i + 2)),
    ended: Uint32Array.of(4_000_000_000),
    crops: [
      {
        track: 1,
        quality: 0.5,
        time: 1_700_000_000,
        width: 3,
        height: 5,
        pixels: new Uint8Array(45).fill(sequence),
      },
    ],
  };
  return {
    id: `${camera}-${sequence}`,
    source: `/test/detect/${camera}`,
    type: eventTypes.tracks,
    subject: camera,
    partitionkey: camera,
    data,
  };
}

export function streamEnded(camera: string): StageEvent {
  return {
    id: `${camera}-end`,
    source: `/test/ingest/${camera}`,
    type: eventTypes.stream,
    subject: camera,
    partitionkey: camera,
    data: { camera, state: 'ended', time: 1_700_000_100 },
  };
}
