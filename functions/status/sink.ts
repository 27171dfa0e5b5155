// Where the status goes: a file beside the results on one machine. The status handler writes through the interface.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Status } from '../../config/schema/status.ts';
import { TransientError } from '../function.ts';

export interface StatusSink {
  /** Replaces the status that was written before. @throws TransientError that says where it could not be written */
  write(status: Status): Promise<void>;
  /** What others wrote beside it, as far as the last write showed; absent where nobody else writes. */
  others?(): Pick<Status, 'conditions' | 'observedGeneration'>;
}

export const statusFileName = 'status.json';

/** `status.json` in `folder`, replaced in one step so that a reader never sees half of it. */
export function fileSink(folder: string): StatusSink {
  const file = join(folder, statusFileName);
  return {
    async write(status) {
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(`${file}.new`, `${JSON.stringify(status, undefined, 2)}\n`);
        await rename(`${file}.new`, file);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new TransientError(`${file} cannot be written (${why}): check space and permissions`, {
          cause,
        });
      }
    },
  };
}
