// The controller's log: JSON lines with a constant message and keys. main.ts makes it and hands it down.
import { destination, pino } from 'pino';
import { errorFields, logKeys, shortLine } from '../config/logLines.ts';
import type { Log as AnyLog } from '../config/messages.ts';

export type Log = Omit<AnyLog, 'debug'>;

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
