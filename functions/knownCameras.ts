// The cameras that a stage serves now, for detect, embed and match: what comes of others is refused, which also bounds what is
// remembered. A new camera may send before a later stage has heard of it.
import { PermanentError, TransientError } from './function.ts';

/** Longer than a changed ConfigMap takes to reach every node. */
const patienceMs = 180_000;
const mostStrangers = 256;

export class KnownCameras {
  #ids: ReadonlySet<string>;
  readonly #whose: string;
  /** Served before by this process; an end of theirs may be on its way. */
  #former: ReadonlySet<string> = new Set();
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

  /**
   * For what another process sends, before it is queued: a worker that has just started may be told of a camera a moment later,
   * and whether it is a recording, which begins at its beginning only, is known then.
   * @throws TransientError while a camera that this worker never served may still become known
   */
  waitFor(id: string, nowMs: number): void {
    if (this.#former.has(id)) return;
    try {
      this.check(id, nowMs);
    } catch (error) {
      if (error instanceof TransientError) throw error;
    }
  }

  replace(ids: Iterable<string>): void {
    this.#former = new Set([...this.#ids, ...[...this.#former].slice(0, mostStrangers)]);
    this.#ids = new Set(ids);
    this.#strangers.clear();
  }
}
