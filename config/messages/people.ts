// Messages of those who ask about people, and of what is erased. Part of messages.ts.
import { says } from './says.ts';

export const peopleMessages = {
  'question refused': says('warn', 'task reason', 'Somebody asked about people without a token that counts.'),
  'person erased': says(
    'info',
    'stage tracks vectors',
    'A person was erased at the request of an operator; the log does not say who.',
  ),
} as const;
