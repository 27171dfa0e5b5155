// What `mei bridge` writes into its log. Part of config/messages.ts.
import { says } from './says.ts';

export const bridgeMessages = {
  'console followed': says('info', 'url', 'What the console of a task tells is handed on.'),
  'console lost': says('warn', 'url reason', 'Tried again for ever; what is missed meanwhile is asked for.'),
  'changes missed': says(
    'warn',
    'url since',
    'The bridge was away for longer than the console can tell anew: what came between is in the store only.',
  ),
  'broker connected': says(
    'info',
    'url events dropped',
    'The MQTT broker is told everything anew; so many events had waited.',
  ),
  'broker lost': says('warn', 'url reason', 'Tried again for ever. Said once.'),
  'not published': says('warn', 'topic reason', 'The MQTT broker did not take a message.'),
} as const;
