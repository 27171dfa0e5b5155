// Writes lines that come one by one into a file, whole or not at all, for `mei export`.
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { exitCodes, UserError } from './userError.ts';

/** @returns how many lines @throws UserError that names the file; then nothing is left of it */
export async function writeTextFile(path: string, lines: AsyncIterable<string>): Promise<number> {
  let count = 0;
  async function* counted(): AsyncGenerator<string> {
    for await (const line of lines) {
      count++;
      yield line;
    }
  }
  const unfinished = `${path}.unfinished`;
  try {
    await pipeline(Readable.from(counted()), createWriteStream(unfinished));
    await rename(unfinished, path);
  } catch (cause) {
    await rm(unfinished, { force: true });
    throw new UserError(`${path}: cannot be written: ${(cause as Error).message}`, exitCodes.failed, {
      cause,
    });
  }
  return count;
}
