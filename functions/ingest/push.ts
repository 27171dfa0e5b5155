// Takes the pictures that one camera posts, for handler.ts: checked, decoded, masked and handed on as frames.
import type { FrameData, ImageData, StageEvent } from '../../config/events.ts';
import type { CameraConfig } from '../../config/worker.ts';
import { PermanentError, type Context } from '../function.ts';
import { createFrameGate, type FrameGate } from '../media/frameGate.ts';
import { decodeImage } from '../media/images.ts';
import type { CameraState } from './cameraState.ts';
import { imageTypeOf } from './core/imageType.ts';
import { createMasker } from './core/mask.ts';
import { frameEvent, type EventOrigin } from './core/mediaEvents.ts';

/** A camera's clock may be ahead by so much, seconds: a wrong date must not shut out all later pictures. */
const mostAheadS = 60;

export class PushedCamera {
  readonly #state: CameraState;
  readonly #origin: EventOrigin;
  readonly #gate: FrameGate;
  readonly #mask: ReturnType<typeof createMasker>;
  #sequence = 0;
  #lastTime = -Infinity;
  /** The last picture could not be used. */
  #isRefused = false;

  constructor(camera: CameraConfig, state: CameraState, origin: EventOrigin) {
    this.#state = state;
    this.#state.message = 'waits for pictures';
    this.#origin = origin;
    this.#gate = createFrameGate(camera.fps);
    this.#mask = createMasker(camera.mask.map((zone) => zone.points));
  }

  /**
   * @returns the frame, or nothing when the fps limit skips it or a newer picture has been handled
   * @throws PermanentError for a picture that cannot be used; the camera goes on with the next one
   */
  async take(event: StageEvent<ImageData>, context: Context): Promise<StageEvent<FrameData> | undefined> {
    try {
      return await this.#frameOf(event, context);
    } catch (error) {
      if (!this.#isRefused)
        context.log.warn(
          { camera: this.#origin.camera, reason: (error as Error).message },
          'picture refused',
        );
      this.#isRefused = true;
      throw error;
    }
  }

  async #frameOf(event: StageEvent<ImageData>, context: Context): Promise<StageEvent<FrameData> | undefined> {
    const nowS = context.now() / 1000;
    const time = this.#timeOf(event, nowS);
    this.#sequence++;
    this.#state.message = undefined;
    if (time <= this.#lastTime) {
      this.#state.dropped++;
      return undefined;
    }
    if (!this.#gate(time)) return undefined;
    const { pixels, width, height } = await this.#decode(event.data);
    this.#lastTime = time;
    this.#isRefused = false;
    if (this.#state.state !== 'connected')
      context.log.info({ camera: this.#origin.camera, source: 'pushed', width, height }, 'camera connected');
    this.#state.state = 'connected';
    this.#mask({ pixels, width, height });
    this.#state.handedOn(context.now());
    const data = { camera: this.#origin.camera, sequence: this.#sequence, time, width, height, pixels };
    return frameEvent(this.#origin, `${event.source}:${event.id}`, data);
  }

  #timeOf(event: StageEvent<ImageData>, nowS: number): number {
    const time = event.data.time ?? (event.time === undefined ? nowS : Date.parse(event.time) / 1000);
    if (!Number.isFinite(time)) this.#refuse('its time is not a date');
    if (time > nowS + mostAheadS) this.#refuse(`its time lies ${Math.round(time - nowS)} s in the future`);
    return time;
  }

  async #decode({ bytes, contentType }: ImageData) {
    const found = imageTypeOf(bytes);
    if (found === undefined) this.#refuse(`${bytes.byteLength} bytes are not JPEG, PNG or WebP`);
    const claimed = contentType.split(';', 1)[0]!.trim().toLowerCase();
    if (found !== claimed) this.#refuse(`it says ${claimed} but is ${found}`);
    return await decodeImage(bytes).catch((error: Error) => this.#refuse(error.message, error));
  }

  #refuse(reason: string, cause?: Error): never {
    this.#state.damaged++;
    this.#state.message = `picture refused: ${reason}`;
    throw new PermanentError(`camera ${this.#origin.camera}: picture refused: ${reason}`, { cause });
  }
}
