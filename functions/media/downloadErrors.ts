// Says in one line why a download failed and whether trying again can help; download.ts throws what is made here.
import { PermanentError, TransientError } from '../function.ts';

const diskErrors: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EACCES: 'it must not be written',
  EPERM: 'it must not be written',
  EROFS: 'it must not be written',
  ENOTDIR: 'a file is in the way of its folder',
};

export function isDiskError(error: unknown): boolean {
  return ((error as NodeJS.ErrnoException).code ?? '') in diskErrors;
}

/** What a server that does not deliver answered; always throws. */
export async function refuse(
  what: string,
  url: string,
  response: { status: number; statusText: string; body: { cancel(): Promise<void> } | null },
): Promise<never> {
  await response.body?.cancel();
  if (response.status >= 300 && response.status < 400)
    throw new PermanentError(
      `${what}: ${url} answers ${response.status}: redirects are not followed, give the address of the file itself`,
    );
  const message = `${what}: ${url} answers ${response.status} ${response.statusText}`.trimEnd();
  if (response.status >= 500 || response.status === 429 || response.status === 408)
    throw new TransientError(message);
  throw new PermanentError(`${message}: check the address`);
}

/** Any failure as a PermanentError (disk) or a TransientError (network) that names the thing. */
export function explain(error: unknown, what: string, url: string, path: string): Error {
  if (error instanceof PermanentError || error instanceof TransientError) return error;
  const { code, message, cause } = error as NodeJS.ErrnoException;
  if (isDiskError(error))
    return new PermanentError(`${what}: ${path} cannot be written: ${diskErrors[code!]}`, { cause: error });
  const reason =
    (cause as Error | undefined)?.message || (cause as NodeJS.ErrnoException | undefined)?.code || message;
  return new TransientError(`${what}: ${url} cannot be fetched: ${reason}`, { cause: error });
}
