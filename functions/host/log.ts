// The one logger of a worker process; main.ts makes it and hands it down.
import { destination, pino, stdSerializers } from 'pino';
import type { Log } from '../function.ts';

/** JSON lines on standard output, each with `keys`; written at once, so that nothing is lost when the process ends. */
export function createLog(level: string, keys: object): Log {
  return pino(
    {
      level,
      base: keys,
      serializers: { error: stdSerializers.err },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
    },
    destination({ dest: 1, sync: true }),
  );
}
