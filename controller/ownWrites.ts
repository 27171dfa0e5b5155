// What this process wrote and its copies do not show yet: without it, it would write the same again until they do.
import type { Manifest } from './objects/manifest.ts';

interface Write {
  /** Version that the copy showed when it was written; undefined: none. */
  basedOn: string | undefined;
  resultVersion: string | undefined;
  /** What was written. */
  digest: string;
  /** The answer, until the copy has it. */
  result: Manifest | undefined;
  atMs: number;
}

/** An object that was made but never shows up was deleted unseen; after so long it is made again. */
const patienceMs = 10_000;

export class OwnWrites {
  readonly #writes = new Map<string, Write>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  record(key: string, observed: Manifest | undefined, digest: string, result: Manifest): void {
    this.#writes.set(key, {
      basedOn: observed?.metadata.resourceVersion,
      resultVersion: result.metadata.resourceVersion,
      digest,
      result,
      atMs: this.#nowMs(),
    });
  }

  /** The newest known state of an object: the copy's, or the answer to our own write that the copy has not seen. */
  newest(key: string, copy: Manifest | undefined): Manifest | undefined {
    const write = this.#writes.get(key);
    if (!write?.result) return copy;
    if (copy?.metadata.resourceVersion !== write.basedOn) {
      write.result = undefined;
      return copy;
    }
    if (copy === undefined && this.#nowMs() - write.atMs > patienceMs) {
      this.#writes.delete(key);
      return undefined;
    }
    return write.result;
  }

  /** Whether exactly this was written and led to exactly this version: writing it again would change nothing. */
  isSettled(key: string, observed: Manifest | undefined, digest: string): boolean {
    const write = this.#writes.get(key);
    const version = observed?.metadata.resourceVersion;
    return write?.digest === digest && version !== undefined && version === write.resultVersion;
  }

  /** Whether a copy is what the last own write led to: whoever wrote it knows already. */
  isEcho(key: string, { metadata }: Manifest): boolean {
    const version = metadata.resourceVersion;
    return version !== undefined && this.#writes.get(key)?.resultVersion === version;
  }

  /** The object is gone. */
  forget(key: string): void {
    this.#writes.delete(key);
  }
}
