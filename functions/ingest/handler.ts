// The ingest stage, bound by the host: pulls this worker's cameras and takes pushed pictures; gives `frame` and `stream` events.
import { eventTypes, type ImageData, type StageEvent } from '../../config/events.ts';
import type { CameraConfig, WorkerConfig } from '../../config/worker.ts';
import {
  PermanentError,
  type Context,
  type CreateStage,
  type StageFunction,
  type StageStatus,
} from '../function.ts';
import { guardFor, type AddressGuard } from '../media/addressGuard.ts';
import { setThreadCount } from '../media/threadSlots.ts';
import { runCamera } from './camera.ts';
import type { CameraTimings } from './cameraDependencies.ts';
import { CameraState } from './cameraState.ts';
import { readCredentials, readTls } from './credentials.ts';
import { PushedCamera } from './push.ts';
import { summarize } from './summary.ts';

export interface IngestDependencies {
  /** Where the cameras' user names and passwords are. */
  environment: Record<string, string | undefined>;
  /** Addresses that cameras may be at. */
  guard: AddressGuard;
  /** 0..1 */
  random: () => number;
  timings: CameraTimings;
  /** Size of libuv's thread pool. */
  threads: number;
}

const timings: CameraTimings = {
  firstMs: 1000,
  mostMs: 30_000,
  openTimeoutMs: 10_000,
  stallTimeoutMs: 10_000,
  stableMs: 10_000,
};

export const create: CreateStage = async (worker) => {
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
  setThreadCount(threads);
  const { env: environment } = process;
  const guard = guardFor('camera', environment);
  return createIngest(worker, { environment, guard, random: Math.random, timings, threads });
};

export function createIngest(worker: WorkerConfig, deps: IngestDependencies): StageFunction {
  const stop = new AbortController();
  const states = new Map(worker.cameras.map((camera) => [camera.id, new CameraState(camera.id)]));
  const pushed = new Map<string, PushedCamera>();
  let running: Promise<void>[] = [];
  let now = (): number => 0;

  const originOf = (camera: CameraConfig) => ({
    namespace: worker.task.namespace,
    task: worker.task.name,
    camera: camera.id,
  });
  for (const camera of worker.cameras) {
    if (camera.source.type !== 'Push') continue;
    pushed.set(camera.id, new PushedCamera(camera, states.get(camera.id)!, originOf(camera)));
  }

  return {
    async init(context: Context) {
      now = () => context.now();
      const signal = AbortSignal.any([context.signal, stop.signal]);
      const startedAt = context.now() / 1000;
      const pulled = worker.cameras.filter((camera) => camera.source.type !== 'Push');
      warnOfFewThreads(pulled, deps.threads, context);
      running = pulled.map((camera) =>
        runCamera(camera, states.get(camera.id)!, {
          context,
          origin: originOf(camera),
          startedAt,
          readCredentials: () => readCredentials(camera, deps.environment),
          readTls: () => readTls(camera, deps.environment),
          guard: deps.guard,
          random: deps.random,
          timings: deps.timings,
          signal,
        }),
      );
    },

    async handle(event: StageEvent, context: Context) {
      if (event.type !== eventTypes.image) throw new PermanentError(`ingest does not take ${event.type}`);
      const { camera } = event.data as ImageData;
      const source = pushed.get(camera);
      if (source === undefined) {
        const reason = states.has(camera) ? 'is pulled, not pushed' : 'is not one of this worker';
        throw new PermanentError(`camera ${camera} ${reason}`);
      }
      return await source.take(event as StageEvent<ImageData>, context);
    },

    async shutdown() {
      stop.abort();
      await Promise.all(running);
    },

    status(): StageStatus {
      return summarize([...states.values()], now());
    },
  };
}

/** Each live camera blocks one libuv thread while it waits for data; with too few they wait for each other. */
function warnOfFewThreads(pulled: CameraConfig[], threads: number, context: Context) {
  const cameras = pulled.filter((camera) => camera.source.type !== 'File').length;
  if (cameras + 2 <= threads) return;
  context.log.warn({ cameras, threads, wanted: cameras + 4 }, 'too few threads: set UV_THREADPOOL_SIZE');
}
