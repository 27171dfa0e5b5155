// Keeps the latest changes of identities as lines of JSON, for people who follow a run and for programs that tail it.
// Each line names the event that brought it, so that one that comes again is recognised, also after a restart.
import { appendFile, open, rename, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdentityChange } from '../../config/events.ts';
import { TransientError } from '../function.ts';

export const changeLogName = 'identity-changes.jsonl';

export interface ChangeLog {
  /**
   * Appends one line a change; resolves once they are on the disk. False: lines of this event are there already.
   * @param event source and id of the event
   * @throws TransientError that says where it could not be written
   */
  append(event: string, changes: readonly IdentityChange[]): Promise<boolean>;
}

/** A line: the change, its event, and which of how many it is. */
type Line = IdentityChange & { event: string; part: [number: number, of: number] };

/** Events that are recognised: many more than a restarted match repeats. */
const mostRemembered = 4096;
const tailBytes = 4 << 20;

/** A file of at most `maxBytes`, and one older file of that size beside it. */
export function fileChangeLog(folder: string, maxBytes = 64 * 2 ** 20): ChangeLog {
  const file = join(folder, changeLogName);
  const remembered = new Set<string>();
  let size: number | undefined;
  let last: Promise<boolean> = Promise.resolve(true);

  async function write(event: string, changes: readonly IdentityChange[]): Promise<boolean> {
    try {
      size ??= await readOn(file, remembered);
      if (remembered.has(event)) return false;
      const text = changes.map((change, i) => lineOf(change, event, [i + 1, changes.length])).join('');
      const bytes = Buffer.byteLength(text);
      if (size > 0 && size + bytes > maxBytes) {
        await rename(file, `${file}.1`);
        size = 0;
      }
      await appendFile(file, text, { flush: true });
      size += bytes;
    } catch (cause) {
      // Some of it may be there: what is whole is found when the file is read anew.
      size = undefined;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TransientError(`${file} cannot be written (${why}): check space and permissions`, { cause });
    }
    remembered.add(event);
    if (remembered.size > mostRemembered) remembered.delete(remembered.values().next().value!);
    return true;
  }

  return {
    append(event, changes) {
      // One after the other, whatever the one before came to.
      const next = () => write(event, changes);
      last = last.then(next, next);
      return last;
    },
  };
}

/** A line that somebody spoilt says nothing. */
function parsed(line: string): Partial<Line> {
  try {
    return (JSON.parse(line) ?? {}) as Partial<Line>;
  } catch {
    return {};
  }
}

function lineOf(change: IdentityChange, event: string, part: Line['part']): string {
  return `${JSON.stringify({ ...change, event, part } satisfies Line)}\n`;
}

/** Remembers the events of the file's end, and cuts off one that a kill left half written. Returns the file's size. */
async function readOn(path: string, remembered: Set<string>): Promise<number> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0) return 0;
  const start = Math.max(0, size - tailBytes);
  const handle = await open(path);
  const tail = Buffer.alloc(size - start);
  try {
    await handle.read(tail, 0, tail.length, start);
  } finally {
    await handle.close();
  }
  let whole = start;
  // The first piece may be the rest of a line that began before.
  let at = start === 0 ? 0 : tail.indexOf(10) + 1;
  for (let end = tail.indexOf(10, at); end >= 0; end = tail.indexOf(10, at)) {
    const { event, part } = parsed(tail.toString('utf8', at, end));
    at = end + 1;
    // Lines of an older version say nothing of their event.
    if (part !== undefined && part[0] !== part[1]) continue;
    whole = start + at;
    if (event !== undefined) remembered.add(event);
  }
  if (whole < size) await truncate(path, whole);
  return whole;
}
