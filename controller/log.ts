// The controller's log: JSON lines with a constant message and keys. main.ts makes it and hands it down.
import { destination, pino, stdSerializers } from 'pino';

export interface Log {
  info(keys: object, message: string): void;
  warn(keys: object, message: string): void;
  error(keys: object, message: string): void;
}

export function createLog(level: string, keys: object): Log {
  return pino(
    {
      level,
      base: keys,
      serializers: {
        error: (error: unknown) => (error instanceof Error ? stdSerializers.err(error) : error),
      },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
    },
    destination({ dest: 1, sync: true }),
  );
}
