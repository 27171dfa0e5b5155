// The cameras that a stage serves now, for detect, embed and match: what comes of others is refused, which also bounds what is
// remembered. A new camera may send before a later stage has heard of it.
import { PermanentError, TransientError } from './function.ts';

/** Longer than a changed ConfigMap takes to reach every node. */
const patienceMs = 180_000;
const mostStrangers = 256;

export class KnownCameras {
  #ids: ReadonlySet<string>;
  readonly #whose: string;
  /** When something first came of a camera that is not known; milliseconds since the epoch. */
  readonly #strangers = new Map<string, number>();

  /** @param whose in messages, e.g. `task gate` */
  constructor(ids: Iterable<string>, whose = 'this worker') {
    this.#ids = new Set(ids);
    this.#whose = whose;
  }

  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /**
   * @throws TransientError while the camera may still become known, PermanentError after that
   */
  check(id: string, nowMs: number): void {
    if (this.#ids.has(id)) return;
    const sinceMs = this.#strangers.get(id) ?? nowMs;
    if (!this.#strangers.has(id) && this.#strangers.size < mostStrangers) this.#strangers.set(id, sinceMs);
    const reason = `camera ${id} is not one of ${this.#whose}: ${[...this.#ids].join(', ')}`;
    const isNew = this.#strangers.has(id) && nowMs - sinceMs < patienceMs;
    throw isNew ? new TransientError(reason) : new PermanentError(reason);
  }

  replace(ids: Iterable<string>): void {
    this.#ids = new Set(ids);
    this.#strangers.clear();
  }
}
