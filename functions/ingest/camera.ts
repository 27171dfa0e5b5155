// Pulls one camera or file for as long as the worker lives, for handler.ts: connects, reads, hands on, reconnects.
import { setTimeout as sleep } from 'node:timers/promises';
import type { CameraConfig } from '../../config/worker.ts';
import { BeginAgainError } from '../function.ts';
import { openVideo, type VideoFrame, type VideoReader } from '../media/video.ts';
import { redact } from '../media/redact.ts';
import type { CameraDependencies } from './cameraDependencies.ts';
import type { CameraState } from './cameraState.ts';
import { backoffMs } from './core/backoff.ts';
import { createFileClock, createLiveClock } from './core/mediaClock.ts';
import { sessionName } from './core/mediaEvents.ts';
import { createNewestSlot, type NewestSlot } from './core/newestSlot.ts';
import { FrameDelivery, type PlacedFrame } from './frameDelivery.ts';

/** Runs until the source is over (recordings) or the signal aborts; never rejects: what goes wrong is in `state`. Gives where it stopped. */
export async function runCamera(
  camera: CameraConfig,
  state: CameraState,
  deps: CameraDependencies,
): Promise<{ session: string; time: number }> {
  return new CameraPull(camera, state, deps).run();
}

class CameraPull {
  readonly #camera: CameraConfig;
  readonly #state: CameraState;
  readonly #deps: CameraDependencies;
  readonly #delivery: FrameDelivery;
  readonly #uri: string;
  #credentials: { username: string; password: string } | undefined;
  #session: string;
  #sequence = 0;
  #time: number;

  constructor(camera: CameraConfig, state: CameraState, deps: CameraDependencies) {
    this.#camera = camera;
    this.#state = state;
    this.#deps = deps;
    this.#delivery = new FrameDelivery(camera, state, deps);
    this.#uri = camera.source.uri ?? '';
    this.#time = camera.source.startTime ?? deps.startedAt;
    this.#session = sessionName(this.#time * 1000, this.#uri);
  }

  async run(): Promise<{ session: string; time: number }> {
    try {
      this.#credentials = this.#deps.readCredentials();
      if (this.#camera.source.type === 'File') await this.#readWhole();
      else {
        await this.#reconnectForEver();
        await this.#delivery.ended(this.#session, this.#time);
      }
      this.#state.state = 'ended';
      this.#state.progress = 1;
      const { frames, dropped, damaged, reconnects } = this.#state;
      this.#deps.context.log.info(
        { camera: this.#camera.id, frames, dropped, damaged, reconnects },
        'camera ended',
      );
    } catch (error) {
      if (!this.#deps.signal.aborted) await this.#failed(error as Error);
    }
    return { session: this.#session, time: this.#time };
  }

  /** A recording, up to its end; from its start once more when a later stage has lost what it knew of it. */
  async #readWhole(): Promise<void> {
    const { random, timings, signal, context } = this.#deps;
    const startTime = this.#time;
    for (let failures = 1; ; failures++) {
      this.#time = startTime;
      this.#sequence = 0;
      this.#delivery.begin();
      try {
        await this.#readRecording(await this.#open());
        return await this.#delivery.ended(this.#session, this.#time);
      } catch (error) {
        if (!(error instanceof BeginAgainError) || signal.aborted) throw error;
        const waitMs = backoffMs(failures, random(), { ...timings, firstMs: timings.firstMs / 4 });
        context.log.warn(
          { camera: this.#camera.id, reason: error.message, waitMs },
          'recording begins again',
        );
        await sleep(waitMs, undefined, { signal });
      }
    }
  }

  /** Returns only when the source turns out to be a recording and is over. */
  async #reconnectForEver(): Promise<void> {
    const { random, timings, signal, context } = this.#deps;
    for (let failures = 0; ;) {
      const beganMs = context.now();
      let live = true;
      try {
        const video = await this.#open();
        live = video.live;
        if (live && this.#deps.window.onlyRecordings) return await this.#leaveOut(video);
        return await (live ? this.#readLive(video) : this.#readRecording(video));
      } catch (error) {
        if (signal.aborted || !live) throw error;
        failures = context.now() - beganMs > timings.stableMs ? 1 : failures + 1;
        const waitMs = backoffMs(failures, random(), timings);
        this.#lost((error as Error).message, waitMs);
        await sleep(waitMs, undefined, { signal });
      }
    }
  }

  async #open(): Promise<VideoReader> {
    const { timings, signal, context, guard } = this.#deps;
    const { source, fps, id } = this.#camera;
    const { openTimeoutMs, stallTimeoutMs } = timings;
    const tls = this.#deps.readTls();
    const options = { openTimeoutMs, stallTimeoutMs, transport: source.transport, signal, fps, guard, tls };
    const video = await openVideo(this.#uri, { ...options, credentials: this.#credentials });
    this.#state.state = 'connected';
    this.#state.message = undefined;
    const { width, height } = video;
    context.log.info({ camera: id, source: redact(this.#uri), width, height }, 'camera connected');
    return video;
  }

  async #readRecording(video: VideoReader): Promise<void> {
    const { context, signal } = this.#deps;
    const clock = createFileClock(this.#time);
    const beganMs = context.now();
    const { window } = this.#deps;
    for await (const frame of video) {
      const time = clock.at(frame.time, 0);
      if (window.isOver(time)) break;
      if (window.isEarly(time)) continue;
      if (this.#camera.source.realtime) await this.#pace(beganMs + frame.time * 1000);
      await this.#delivery.everyFrame(this.#place(frame, time, 0));
      if (video.durationS !== undefined) this.#state.progress = Math.min(1, frame.time / video.durationS);
      this.#state.damaged = video.damaged;
    }
    signal.throwIfAborted();
  }

  /** Decoding goes on while the next stage is busy; it gets the newest frame when it is free again. */
  async #readLive(video: VideoReader): Promise<void> {
    const { context, window } = this.#deps;
    this.#session = sessionName(context.now(), this.#uri);
    const clock = createLiveClock(this.#time);
    const base = this.#sequence;
    const damagedBefore = this.#state.damaged;
    const slot = createNewestSlot<PlacedFrame>(() => this.#state.dropped++);
    const delivering = this.#deliver(slot);
    try {
      for await (const frame of video) {
        const time = clock.at(frame.time, context.now() / 1000);
        if (window.isOver(time)) return;
        if (window.isEarly(time)) continue;
        slot.put(this.#place(frame, time, base));
        this.#state.damaged = damagedBefore + video.damaged;
      }
    } finally {
      slot.close();
      await delivering;
    }
    throw new Error(`${redact(this.#uri)}: the server ended the stream`);
  }

  /** It would never be over. */
  async #leaveOut(video: VideoReader): Promise<void> {
    await video.close();
    this.#state.message = 'timing.mode History reads recordings only';
  }

  async #deliver(slot: NewestSlot<PlacedFrame>): Promise<void> {
    for (let placed = await slot.take(); placed !== undefined; placed = await slot.take()) {
      await this.#delivery.newestFrame(placed);
    }
  }

  #place(frame: VideoFrame, time: number, base: number): PlacedFrame {
    this.#time = time;
    this.#sequence = base + frame.index + 1;
    return { frame, time, sequence: this.#sequence, session: this.#session };
  }

  async #pace(untilMs: number): Promise<void> {
    const waitMs = untilMs - this.#deps.context.now();
    if (waitMs > 1) await sleep(waitMs, undefined, { signal: this.#deps.signal });
  }

  #lost(reason: string, waitMs: number): void {
    const isSaid = this.#state.state === 'reconnecting' && this.#state.message === reason;
    this.#state.state = 'reconnecting';
    this.#state.message = reason;
    this.#state.reconnects++;
    if (isSaid) return;
    this.#deps.context.log.warn(
      { camera: this.#camera.id, reason, waitMs: Math.round(waitMs) },
      'camera lost',
    );
  }

  /** Lets what is downstream finish, although frames are missing. */
  async #failed(error: Error): Promise<void> {
    this.#state.state = 'failed';
    this.#state.message = error.message;
    this.#deps.context.log.error({ camera: this.#camera.id, reason: error.message }, 'camera failed');
    await this.#delivery.ended(this.#session, this.#time).catch((cause: Error) => {
      this.#state.message = `${error.message}; its end was not accepted either: ${cause.message}`;
    });
    this.#state.message ??= error.message;
  }
}
