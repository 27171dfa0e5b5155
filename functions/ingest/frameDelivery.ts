// Hands a pulled camera's frames to the next stage, for camera.ts: masked first, with ids that make repeats harmless.
import { setTimeout as sleep } from 'node:timers/promises';
import type { StageEvent } from '../../config/events.ts';
import type { CameraConfig } from '../../config/worker.ts';
import { TransientError } from '../function.ts';
import type { VideoFrame } from '../media/video.ts';
import type { CameraDependencies } from './cameraDependencies.ts';
import type { CameraState } from './cameraState.ts';
import { backoffMs } from './core/backoff.ts';
import { createMasker } from './core/mask.ts';
import { endedEvent, frameEvent } from './core/mediaEvents.ts';

/** A decoded frame with its place in the camera's stream. */
export interface PlacedFrame {
  frame: VideoFrame;
  /** Seconds since the epoch. */
  time: number;
  /** 1-based. */
  sequence: number;
  session: string;
}

export class FrameDelivery {
  readonly #camera: string;
  readonly #state: CameraState;
  readonly #deps: CameraDependencies;
  readonly #mask: (frame: VideoFrame) => void;
  #refused = false;
  /** Of a recording nothing has been accepted yet. */
  #begins = false;

  constructor(camera: CameraConfig, state: CameraState, deps: CameraDependencies) {
    this.#camera = camera.id;
    this.#state = state;
    this.#deps = deps;
    this.#mask = createMasker(camera.mask.map((zone) => zone.points));
  }

  /** A recording is read from its start. */
  begin(): void {
    this.#begins = true;
  }

  /** Recordings: waits until the frame is accepted, however long that takes. */
  async everyFrame(placed: PlacedFrame): Promise<void> {
    await this.#emitUntilAccepted(this.#event(placed));
    this.#begins = false;
    this.#accepted();
  }

  /** Live: one try; a frame that is not accepted counts as dropped, the next one has newer pixels. */
  async newestFrame(placed: PlacedFrame): Promise<void> {
    const { context, signal } = this.#deps;
    try {
      await context.emit(this.#event(placed));
      this.#accepted();
    } catch (error) {
      if (signal.aborted) return;
      this.#state.dropped++;
      this.#state.message = `frames are not accepted: ${(error as Error).message}`;
      if (!this.#refused)
        context.log.warn({ camera: this.#camera, reason: this.#state.message }, 'frames refused');
      this.#refused = true;
    }
  }

  /** Tells what is downstream that no frame follows. */
  async ended(session: string, time: number): Promise<void> {
    await this.#emitUntilAccepted(endedEvent(this.#deps.origin, session, time, this.#begins));
  }

  #event({ frame, time, sequence, session }: PlacedFrame): StageEvent {
    this.#mask(frame);
    const { pixels, width, height } = frame;
    const begins = this.#begins && { begins: true };
    const data = { camera: this.#camera, sequence, time, width, height, ...begins, pixels };
    return frameEvent(this.#deps.origin, `${session}.${sequence}`, data);
  }

  #accepted(): void {
    this.#state.handedOn(this.#deps.context.now());
    if (!this.#refused) return;
    this.#refused = false;
    this.#state.message = undefined;
    const { dropped } = this.#state;
    this.#deps.context.log.info({ camera: this.#camera, dropped }, 'frames accepted again');
  }

  async #emitUntilAccepted(event: StageEvent): Promise<void> {
    const { context, signal, random, timings } = this.#deps;
    for (let failures = 1; ; failures++) {
      try {
        return await context.emit(event);
      } catch (error) {
        if (!(error instanceof TransientError) || signal.aborted) throw error;
        this.#state.message = `waits for the next stage: ${error.message}`;
        if (!this.#refused)
          context.log.warn({ camera: this.#camera, reason: this.#state.message }, 'frames refused');
        this.#refused = true;
        const askedMs = error.retryAfterMs ?? 0;
        await sleep(Math.max(askedMs, backoffMs(failures, random(), timings)), undefined, { signal });
      }
    }
  }
}
