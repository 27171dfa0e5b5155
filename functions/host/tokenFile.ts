// Bearer tokens in a file that a Secret fills and renews: pushAccess.ts compares with those of cameras, taskToken.ts with those of the task.
import { createHash, timingSafeEqual } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** How long a file is taken to be unchanged. */
const lookMs = 1000;
const largestBytes = 64 << 10;
const mostTokens = 32;
/** Shorter ones can be guessed. */
const shortest = 16;
const longest = 1024;

/** Hashes, because digests of one length can be compared in a time that says nothing. */
export function digestOfToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

export class TokenFile {
  readonly #path: string;
  readonly #now: () => number;
  #lookedMs = -Infinity;
  #seen = '';
  #tokens: readonly string[] = [];
  #digests: readonly Buffer[] = [];
  #problem: string | undefined;

  /** @param now milliseconds, of any clock */
  constructor(path: string, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#now = now;
  }

  /** Why no token is known, without the path; undefined while all is well. */
  get problem(): string | undefined {
    this.#refresh();
    return this.#problem;
  }

  /** In the order of the file; none while it cannot be read. */
  get tokens(): readonly string[] {
    this.#refresh();
    return this.#tokens;
  }

  /** Whether it is one of the tokens; takes as long whichever it is. */
  holds(digest: Buffer): boolean {
    this.#refresh();
    let found = false;
    for (const own of this.#digests) found = timingSafeEqual(own, digest) || found;
    return found;
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
      this.#tokens = tokensIn(readText(this.#path));
      this.#digests = this.#tokens.map(digestOfToken);
      this.#problem = undefined;
      this.#seen = seen;
    } catch (error) {
      // Whatever was known may have been withdrawn.
      this.#tokens = this.#digests = [];
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

/** One a line, so that a new one can be handed out before the old one goes. */
function tokensIn(text: string): string[] {
  const tokens = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (tokens.length === 0) throw new Error('it holds no token');
  if (tokens.length > mostTokens) throw new Error(`it holds more than ${mostTokens} tokens`);
  if (tokens.some((token) => token.length < shortest || token.length > longest || /[^\x21-\x7e]/.test(token)))
    throw new Error(`tokens have ${shortest} to ${longest} visible ASCII characters, one a line`);
  return tokens;
}
