// Every message that a log of a worker or a controller can hold: loggers take no other one, and docs/reference/messages.md
// is made of this list. What varies stands in keys, so that a message can be searched for and counted.
import { bridgeMessages } from './messages/bridge.ts';
import { consoleMessages } from './messages/console.ts';
import { controllerMessages } from './messages/controller.ts';
import { peopleMessages } from './messages/people.ts';
import { stageMessages } from './messages/stages.ts';
import { workerMessages } from './messages/workers.ts';

export type { MessageEntry } from './messages/says.ts';

export const messages = {
  ...stageMessages,
  ...workerMessages,
  ...consoleMessages,
  ...controllerMessages,
  ...bridgeMessages,
  ...peopleMessages,
} as const;

export type Message = keyof typeof messages;

/** Logs are JSON lines: a constant message and keys (task, stage, camera, ...). Never pixels, vectors or secrets. */
export interface Log {
  debug(keys: object, message: Message): void;
  info(keys: object, message: Message): void;
  warn(keys: object, message: Message): void;
  error(keys: object, message: Message): void;
}
