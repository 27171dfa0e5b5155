// A small text file that a Secret fills and renews: host/tokenFile.ts and console/access.ts read who may come in from one.
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** How long a file is taken to be unchanged. */
const lookMs = 1000;
const largestBytes = 64 << 10;

/** What `parse` makes of the file, read again when it changes; `nothing` while it cannot be read or `parse` throws. */
export class RenewedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  readonly #nothing: T;
  readonly #now: () => number;
  #lookedMs = -Infinity;
  #seen = '';
  #value: T;
  #problem: string | undefined;

  /** @param now milliseconds, of any clock */
  constructor(path: string, parse: (text: string) => T, nothing: T, now: () => number) {
    this.#path = path;
    this.#parse = parse;
    this.#nothing = this.#value = nothing;
    this.#now = now;
  }

  get value(): T {
    this.#refresh();
    return this.#value;
  }

  /** Why there is nothing, without the path; undefined while all is well. */
  get problem(): string | undefined {
    this.#refresh();
    return this.#problem;
  }

  /** A Secret is replaced as a whole, by another file behind the same path. */
  #refresh(): void {
    const now = this.#now();
    if (now - this.#lookedMs < lookMs) return;
    this.#lookedMs = now;
    try {
      const { ino, size, mtimeMs, ctimeMs } = statSync(this.#path);
      const seen = [ino, size, mtimeMs, ctimeMs].join();
      if (seen === this.#seen) return;
      this.#value = this.#parse(readText(this.#path));
      this.#problem = undefined;
      this.#seen = seen;
    } catch (error) {
      // Whatever was known may have been withdrawn.
      this.#value = this.#nothing;
      this.#seen = '';
      this.#problem = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    }
  }
}

function readText(path: string): string {
  const file = openSync(path, 'r');
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is not a file');
    const bytes = Buffer.alloc(largestBytes + 1);
    const length = readSync(file, bytes, 0, bytes.length, 0);
    if (length > largestBytes) throw new Error(`it has more than ${largestBytes} bytes`);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
