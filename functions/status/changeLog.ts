// Keeps the latest changes of identities as lines of JSON, for people who follow a run and for programs that tail it.
// Each line names the event that brought it, so that one that comes again is recognised, also after a restart.
import { appendFile, open, readFile, rename, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErasedChange, IdentityChange } from '../../config/events.ts';
import { aboutPerson, withoutNames } from '../erasedPerson.ts';
import { TransientError } from '../function.ts';

export const changeLogName = 'identity-changes.jsonl';

export interface ChangeLog {
  /**
   * Appends one line a change; resolves once they are on the disk. False: lines of this event are there already.
   * @param event source and id of the event
   * @throws TransientError that says where it could not be written
   */
  append(event: string, changes: readonly IdentityChange[]): Promise<boolean>;
  /** Takes out every line about a person, of the older file too. @throws TransientError that says where it could not be written */
  erase(change: ErasedChange): Promise<void>;
}

/** A line: the change, its event, and which of how many it is. */
type Line = IdentityChange & { event: string; part: [number: number, of: number] };

/** Events that are recognised: many more than a restarted match repeats. */
const mostRemembered = 4096;
const tailBytes = 4 << 20;

export interface ChangeLogOptions {
  maxBytes?: number;
  /** Lines that are so much older than the newest one are dropped; absent: none are. */
  retentionS?: number;
}

const expireEveryMs = 3_600_000;

/** A file of at most `maxBytes`, and one older file of that size beside it. */
export function fileChangeLog(
  folder: string,
  { maxBytes = 64 * 2 ** 20, retentionS }: ChangeLogOptions = {},
  nowMs: () => number = () => performance.now(),
): ChangeLog {
  const file = join(folder, changeLogName);
  const remembered = new Set<string>();
  let size: number | undefined;
  let expiredMs = -Infinity;
  let last: Promise<unknown> = Promise.resolve();

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
      await expire(changes);
    } catch (cause) {
      throw failure(cause);
    }
    remembered.add(event);
    if (remembered.size > mostRemembered) remembered.delete(remembered.values().next().value!);
    return true;
  }

  function failure(cause: unknown): TransientError {
    // Some of it may be there: what is whole is found when the file is read anew.
    size = undefined;
    const why = cause instanceof Error ? cause.message : String(cause);
    return new TransientError(`${file} cannot be written (${why}): check space and permissions`, { cause });
  }

  /** Now and then, since the whole file is written anew. */
  async function expire(changes: readonly IdentityChange[]): Promise<void> {
    if (retentionS === undefined || nowMs() - expiredMs < expireEveryMs) return;
    expiredMs = nowMs();
    const oldest = Math.max(...changes.map(({ time }) => time)) - retentionS;
    await rewriteAll((line) => ((parsed(line).time ?? Infinity) < oldest ? undefined : line));
  }

  async function rewriteAll(rewrite: (line: string) => string | undefined): Promise<void> {
    for (const path of [file, `${file}.1`]) await rewriteLines(path, rewrite);
    size = undefined;
  }

  async function erase({ identity, names, tracks }: ErasedChange): Promise<void> {
    const called = [identity, ...names];
    const isAbout = aboutPerson(called, tracks);
    try {
      await rewriteAll((line) => {
        const change = parsed(line);
        return change.kind !== undefined && isAbout(change as IdentityChange)
          ? undefined
          : withoutNames(line, called);
      });
    } catch (cause) {
      throw failure(cause);
    }
  }

  /** One after the other, whatever the one before came to. */
  function inTurn<T>(next: () => Promise<T>): Promise<T> {
    const mine = last.then(next, next);
    last = mine;
    return mine;
  }

  return {
    append: (event, changes) => inTurn(() => write(event, changes)),
    erase: (change) => inTurn(() => erase(change)),
  };
}

/** Replaces a file by what `rewrite` leaves of its lines; nothing is done where nothing changes. */
export async function rewriteLines(
  path: string,
  rewrite: (line: string) => string | undefined,
): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n');
  const left = lines.flatMap((line, i) => {
    const kept = line === '' && i === lines.length - 1 ? '' : rewrite(line);
    return kept === undefined ? [] : [kept];
  });
  const after = left.join('\n');
  if (after === text) return false;
  const handle = await open(`${path}.new`, 'w');
  try {
    await handle.writeFile(after);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.new`, path);
  return true;
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
