// Sees to it that a stage with memory gets each recording from its beginning: for detect and embed. Who was killed, or stands
// behind one that was, says so when the next event comes, and the recording is read again; all names derive from media time,
// so what is known already is recognised, and the results are those of an undisturbed run.
import { BeginAgainError } from './function.ts';
import type { CameraConfig } from '../config/worker.ts';

export class WholeRecordings {
  #recordings: ReadonlySet<string>;
  /** Of each camera, the session whose beginning was admitted. */
  readonly #sessions = new Map<string, string>();

  constructor(recordings: Iterable<string>) {
    this.#recordings = new Set(recordings);
  }

  replace(recordings: Iterable<string>): void {
    this.#recordings = new Set(recordings);
  }

  has(camera: string): boolean {
    return this.#recordings.has(camera);
  }

  /**
   * Whether nothing is left to do for `cameras`. That a recording ended is forgotten with a restart, and nobody says it again,
   * so recordings that are not under way count as over: ingest says itself which have not begun.
   */
  areOver(
    cameras: Iterable<string>,
    ended: ReadonlySet<string>,
    underWay: { has(camera: string): boolean },
  ): boolean {
    const isOver = (id: string) => ended.has(id) || (this.#recordings.has(id) && !underWay.has(id));
    return [...cameras].every(isOver);
  }

  /** @throws BeginAgainError for an event of a recording whose beginning was never seen, or is forgotten */
  admit(camera: string, session: string, begins: boolean): void {
    if (!this.#recordings.has(camera)) return;
    if (begins) this.#sessions.set(camera, session);
    else if (this.#sessions.get(camera) !== session) throw this.lacking(camera);
  }

  forget(camera: string): void {
    this.#sessions.delete(camera);
  }

  lacking(camera: string): BeginAgainError {
    return new BeginAgainError(`camera ${camera}: what came before is not known here, begin again`);
  }
}

export function recordingsOf(cameras: readonly CameraConfig[]): string[] {
  return cameras.filter(({ source }) => source.type === 'File').map(({ id }) => id);
}
