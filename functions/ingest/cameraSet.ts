// The cameras that ingest serves now, each with a life of its own, so that one can come, go or change while the others go on.
// handler.ts makes it.
import type { ImageData, StageEvent } from '../../config/events.ts';
import type { CameraConfig } from '../../config/worker.ts';
import { PermanentError, type Context } from '../function.ts';
import { runCamera } from './camera.ts';
import type { CameraDependencies } from './cameraDependencies.ts';
import { CameraState } from './cameraState.ts';
import { endedEvent, sessionName, type EventOrigin } from './core/mediaEvents.ts';
import { PushedCamera } from './push.ts';

interface Entry {
  camera: CameraConfig;
  state: CameraState;
  /** Where a pulled camera stopped: known once it is over. */
  running: Promise<{ session: string; time: number }> | undefined;
  pushed: PushedCamera | undefined;
  stop: AbortController;
}

export interface CameraSetOptions {
  originOf: (camera: string) => EventOrigin;
  /** What a camera that is pulled needs besides. */
  dependenciesOf: (
    camera: CameraConfig,
  ) => Omit<CameraDependencies, 'context' | 'origin' | 'startedAt' | 'signal'>;
}

export class CameraSet {
  readonly #options: CameraSetOptions;
  #entries = new Map<string, Entry>();

  /** Pulls nothing yet. */
  constructor(cameras: readonly CameraConfig[], options: CameraSetOptions) {
    this.#options = options;
    for (const camera of cameras) this.#entries.set(camera.id, this.#entryOf(camera));
  }

  configs(): CameraConfig[] {
    return [...this.#entries.values()].map(({ camera }) => camera);
  }

  states(): CameraState[] {
    return [...this.#entries.values()].map(({ state }) => state);
  }

  start(context: Context): void {
    for (const entry of this.#entries.values()) this.#pull(entry, context);
  }

  /** @throws PermanentError for a camera that pushes no pictures */
  pushed(event: StageEvent<ImageData>): PushedCamera {
    const { camera } = event.data;
    const entry = this.#entries.get(camera);
    if (entry?.pushed) return entry.pushed;
    const reason = entry ? 'is pulled, not pushed' : 'is not one of this worker';
    throw new PermanentError(`camera ${camera} ${reason}`);
  }

  /** Resolves when cameras that are gone or changed have stopped and those that are new have begun; others notice nothing. */
  async replace(cameras: readonly CameraConfig[], context: Context): Promise<void> {
    const before = this.#entries;
    const kept = (camera: CameraConfig) => {
      const entry = before.get(camera.id);
      return entry && isEqual(entry.camera, camera) ? entry : undefined;
    };
    const entries = cameras.map((camera) => kept(camera) ?? this.#entryOf(camera));
    const after = new Map(entries.map((entry) => [entry.camera.id, entry]));
    const stopped = [...before.values()].filter((entry) => after.get(entry.camera.id) !== entry);
    this.#entries = after;
    await Promise.all(stopped.map((entry) => this.#end(entry, after.get(entry.camera.id), context)));
    for (const entry of entries)
      if (!before.has(entry.camera.id) || stopped.includes(before.get(entry.camera.id)!))
        this.#pull(entry, context);
  }

  async stop(): Promise<void> {
    for (const { stop } of this.#entries.values()) stop.abort();
    for (const { running } of this.#entries.values()) await running;
  }

  #entryOf(camera: CameraConfig): Entry {
    const state = new CameraState(camera.id);
    const pushed =
      camera.source.type === 'Push'
        ? new PushedCamera(camera, state, this.#options.originOf(camera.id))
        : undefined;
    return { camera, state, pushed, running: undefined, stop: new AbortController() };
  }

  #pull(entry: Entry, context: Context): void {
    const { camera, state, stop, pushed } = entry;
    if (pushed) return;
    entry.running = runCamera(camera, state, {
      ...this.#options.dependenciesOf(camera),
      context,
      origin: this.#options.originOf(camera.id),
      startedAt: context.now() / 1000,
      signal: AbortSignal.any([context.signal, stop.signal]),
    });
  }

  /** Later stages hear that it is over, unless the same pictures come on: then people keep their tracks. */
  async #end(
    { camera, state, stop, running }: Entry,
    next: Entry | undefined,
    context: Context,
  ): Promise<void> {
    stop.abort();
    const time = context.now() / 1000;
    const last = (await running) ?? { session: sessionName(time * 1000, camera.id), time };
    const goesOn = next && camera.source.type !== 'File' && isEqual(next.camera.source, camera.source);
    if (goesOn || state.state === 'ended' || state.state === 'failed') return;
    try {
      await context.emit(endedEvent(this.#options.originOf(camera.id), last.session, last.time));
    } catch (error) {
      context.log.warn({ camera: camera.id, reason: (error as Error).message }, 'end not accepted');
    }
  }
}

function isEqual(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
