// Bearer tokens in a file that a Secret fills and renews: pushAccess.ts compares with those of cameras, taskToken.ts with those of the task.
import { timingSafeEqual } from 'node:crypto';
import { RenewedFile } from '../renewedFile.ts';
import { digestOfToken, isToken, tokenForm } from '../tokens.ts';

const mostTokens = 32;

interface Tokens {
  tokens: readonly string[];
  digests: readonly Buffer[];
}

export class TokenFile {
  readonly #file: RenewedFile<Tokens>;

  /** @param now milliseconds, of any clock */
  constructor(path: string, now: () => number = () => performance.now()) {
    this.#file = new RenewedFile(path, tokensIn, { tokens: [], digests: [] }, now);
  }

  /** Why no token is known, without the path; undefined while all is well. */
  get problem(): string | undefined {
    return this.#file.problem;
  }

  /** In the order of the file; none while it cannot be read. */
  get tokens(): readonly string[] {
    return this.#file.value.tokens;
  }

  /** Whether it is one of the tokens; takes as long whichever it is. */
  holds(digest: Buffer): boolean {
    let found = false;
    for (const own of this.#file.value.digests) found = timingSafeEqual(own, digest) || found;
    return found;
  }
}

/** One a line, so that a new one can be handed out before the old one goes. */
function tokensIn(text: string): Tokens {
  const tokens = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (tokens.length === 0) throw new Error('it holds no token');
  if (tokens.length > mostTokens) throw new Error(`it holds more than ${mostTokens} tokens`);
  if (!tokens.every(isToken)) throw new Error(`tokens have ${tokenForm}, one a line`);
  return { tokens, digests: tokens.map(digestOfToken) };
}
