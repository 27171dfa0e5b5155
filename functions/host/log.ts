// The one logger of a worker process; main.ts makes it and hands it down.
import { destination, pino } from 'pino';
import { errorFields, logKeys, shortLine } from '../../config/logLines.ts';
import type { Log } from '../function.ts';

/** JSON lines on standard output, each with `keys`; written at once, so that nothing is lost when the process ends. */
export function createLog(level: string, keys: object): Log {
  const output = destination({ dest: 1, sync: true });
  return pino(
    {
      level,
      base: keys,
      serializers: { error: errorFields },
      formatters: { log: logKeys },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
    },
    { write: (line: string) => void output.write(shortLine(line)) },
  );
}
