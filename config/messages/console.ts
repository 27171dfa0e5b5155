// What the console writes into the log of the process that serves it. Part of config/messages.ts.
import { says } from './says.ts';

export const consoleMessages = {
  'console served': says('info', 'task path', 'The console of the task can be opened there.'),
  'console sign-in': says('info', 'task name role', 'Somebody signed in to the console with a token.'),
  'console sign-in refused': says(
    'warn',
    'task reason',
    'A token was not one for this task; the reason says what is wrong with the file of tokens, if anything is.',
  ),
  'console erases a person': says(
    'info',
    'task name tracks',
    'An operator erased somebody from the console; it does not say whom.',
  ),
  'console stops the run': says('info', 'task', 'An operator ended the run from the console.'),
} as const;
