// A log that tests read. In a file without nock, which changes the sockets of everything that is loaded beside it.
import type { Log } from '../../controller/log.ts';

/** Keeps what is logged. */
export function recordingLog(): Log & { lines: string[] } {
  const lines: string[] = [];
  const note = (keys: object, message: string) => void lines.push(`${message} ${JSON.stringify(keys)}`);
  return { lines, info: note, warn: note, error: note };
}
