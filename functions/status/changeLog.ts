// Keeps the latest changes of identities as lines of JSON, for people who follow a run and for programs that tail it.
import { appendFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdentityChange } from '../../config/events.ts';
import { TransientError } from '../function.ts';

export const changeLogName = 'identity-changes.jsonl';

export interface ChangeLog {
  /** Appends one line a change. @throws TransientError that says where it could not be written */
  append(changes: readonly IdentityChange[]): Promise<void>;
}

/** A file of at most `maxBytes`, and one older file of that size beside it. */
export function fileChangeLog(folder: string, maxBytes = 64 * 2 ** 20): ChangeLog {
  const file = join(folder, changeLogName);
  let size: number | undefined;
  let last: Promise<void> = Promise.resolve();

  async function write(text: string): Promise<void> {
    try {
      size ??= await stat(file).then(
        (found) => found.size,
        () => 0,
      );
      if (size > 0 && size + text.length > maxBytes) {
        await rename(file, `${file}.1`);
        size = 0;
      }
      await appendFile(file, text);
      size += text.length;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TransientError(`${file} cannot be written (${why}): check space and permissions`, { cause });
    }
  }

  return {
    append(changes) {
      const text = changes.map((change) => `${JSON.stringify(change)}\n`).join('');
      // One after the other, whatever the one before came to.
      last = last.then(
        () => write(text),
        () => write(text),
      );
      return last;
    },
  };
}
