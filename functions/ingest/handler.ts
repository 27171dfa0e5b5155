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
import type { CameraTimings } from './cameraDependencies.ts';
import { CameraSet } from './cameraSet.ts';
import { timeWindow } from './core/timeWindow.ts';
import { readCredentials, readTls } from './credentials.ts';
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
  const { environment, guard, random, timings } = deps;
  const window = timeWindow(worker.timing);
  const { namespace, name: task } = worker.task;
  const cameras = new CameraSet(worker.cameras, {
    originOf: (camera) => ({ namespace, task, camera }),
    dependenciesOf: (camera) => ({
      readCredentials: () => readCredentials(camera, environment),
      readTls: () => readTls(camera, environment),
      guard,
      random,
      timings,
      window,
    }),
  });
  let now = (): number => 0;

  return {
    async init(context: Context) {
      now = () => context.now();
      warnOfFewThreads(cameras.configs(), deps.threads, context);
      cameras.start(context);
    },

    async handle(event: StageEvent, context: Context) {
      if (event.type !== eventTypes.image) throw new PermanentError(`ingest does not take ${event.type}`);
      const picture = event as StageEvent<ImageData>;
      const frame = await cameras.pushed(picture).take(picture, context);
      const isAsked = frame && !window.isEarly(frame.data.time) && !window.isOver(frame.data.time);
      return isAsked ? frame : undefined;
    },

    async reconfigure(next: WorkerConfig, context: Context) {
      await cameras.replace(next.cameras, context);
      warnOfFewThreads(cameras.configs(), deps.threads, context);
      return true;
    },

    async shutdown() {
      await cameras.stop();
    },

    status(): StageStatus {
      return summarize(cameras.states(), now());
    },
  };
}

/** Each live camera blocks one libuv thread while it waits for data; with too few they wait for each other. */
function warnOfFewThreads(all: CameraConfig[], threads: number, context: Context) {
  const cameras = all.filter(({ source }) => source.type !== 'File' && source.type !== 'Push').length;
  if (cameras + 2 <= threads) return;
  context.log.warn({ cameras, threads, wanted: cameras + 4 }, 'too few threads: set UV_THREADPOOL_SIZE');
}
