// What one camera's source reports about itself, for camera.ts and push.ts; handler.ts hands it to the host.
import type { CameraReport } from '../../config/events.ts';
import { createRateMeter } from './core/rateMeter.ts';

export class CameraState {
  state: CameraReport['state'] = 'connecting';
  /** Why it is not connected, or what went wrong last. */
  message: string | undefined;
  /** Frames handed on. */
  frames = 0;
  dropped = 0;
  /** 0..1 where the length is known. */
  progress: number | undefined;
  /** Packets and pictures that could not be decoded. */
  damaged = 0;
  reconnects = 0;
  readonly #camera: string;
  readonly #meter = createRateMeter();

  constructor(camera: string) {
    this.#camera = camera;
  }

  /** Call when a frame has been handed on. */
  handedOn(nowMs: number): void {
    this.frames++;
    this.#meter.add(nowMs);
  }

  report(nowMs: number): CameraReport {
    return {
      camera: this.#camera,
      state: this.state,
      fps: this.#meter.perSecond(nowMs),
      frames: this.frames,
      dropped: this.dropped,
      ...(this.progress === undefined ? {} : { progress: this.progress }),
      ...(this.message === undefined ? {} : { message: this.message }),
    };
  }
}
