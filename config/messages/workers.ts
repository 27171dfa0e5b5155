// What the host of a worker and the outbox write into the log: life of the process, delivery. Part of config/messages.ts.
import { says } from './says.ts';

export const workerMessages = {
  listening: says('info', 'port stages', 'The process takes events.'),
  draining: says('info', 'cause', 'The process ends after what it has accepted.'),
  drained: says('info', '', 'Everything accepted was handled.'),
  'drained too late': says('error', 'error', 'What was accepted could not be handled before the deadline.'),
  'ended while starting': says('info', 'cause', 'Asked to end before the first event.'),
  'uncaught error': says(
    'error',
    'error',
    'A fault of this program: the process ends and is started again. Report it.',
  ),
  'nothing takes these events': says(
    'warn',
    'types',
    'A stage gives events that no stage and no sink takes.',
  ),
  'request failed': says('error', 'error', 'A fault of this program in answering a request: 500. Report it.'),
  'event failed': says('error', 'error', 'A fault of this program in handling an event. Report it.'),
  'event given up': says(
    'error',
    'event type reason error url',
    'An event will not be delivered or handled any more; the reason says whether it was refused or late.',
  ),
  'recording begins again': says(
    'warn',
    'stage camera reason waitMs',
    'A later stage has lost its memory, by a restart for one: the recording is read from its beginning.',
  ),
  'traces lost': says(
    'warn',
    'url reason',
    'The collector of OpenTelemetry does not take spans; events do not wait for it. Said once.',
  ),
  'report not delivered': says('warn', 'stage error', 'The next report says the same and more.'),
  'events are taken from the stream': says(
    'info',
    'receiver stream consumer',
    'The connection to NATS is there, and this worker is the one that takes events.',
  ),
  'leaf nodes are asked again': says(
    'info',
    'receiver leaves',
    'The hub was silent about leaf nodes that answer, as after its restart: it takes over what they store from now on.',
  ),
  'no events can be taken from the stream': says(
    'warn',
    'receiver reason',
    'Events wait in the stream of NATS JetStream; the reason says what is wrong. Said once for each reason.',
  ),
  'event refused for good, see docs/nats.md': says(
    'error',
    'receiver event sequence reason',
    'An event of the stream can never be handled: it lies in the stream under the subject of dead letters.',
  ),
  'push refused': says(
    'warn',
    'camera reason',
    'Pictures came without a valid token, or too often. Said once a while.',
  ),
  'events refused': says(
    'warn',
    'reason',
    'Events came without the token of the task, or it cannot be read. Said once a minute at most.',
  ),
  'no local controller answers: starting with the mounted configuration': says(
    'info',
    'reason',
    'Edits arrive by the mounted file until it answers.',
  ),
  'the mounted configuration cannot be used': says('error', 'reason', 'What was in force stays in force.'),
  'the local controller is away': says(
    'warn',
    'reason',
    'Edits arrive by the mounted file until it is back.',
  ),
  'the local controller is back': says('info', '', 'Edits arrive at once again.'),
  'another configuration': says(
    'info',
    'generation outcome',
    'An edit of the task came: taken over at once, or with a new process (restart) or new pods (replaced).',
  ),
  'another configuration refused': says(
    'error',
    'generation reason',
    'What was in force stays in force. Mend the task.',
  ),
  'the next stage takes nothing': says(
    'warn',
    'url reason',
    'It is away, busy, or does not know this worker yet. Recordings wait for it; frames of live cameras are dropped and counted.',
  ),
  'the next stage takes events again': says('info', 'url afterS', 'Recordings go on where they waited.'),
  // delivery
  'events wait': says(
    'warn',
    'url reason waiting',
    'The receiver is away or busy: events are stored on this node until it takes them.',
  ),
  'events arrive again': says('info', 'url afterS', 'The receiver takes events again.'),
  'the outbox was damaged: starting with an empty one': says(
    'error',
    'movedTo',
    'What waited is in the file that was moved. Look at the disk.',
  ),
  'the outbox cannot be kept up': says(
    'warn',
    'reason',
    'The disk is full or broken: nothing new is accepted.',
  ),
  'events dropped undelivered': says(
    'warn',
    'key rank events bytes reason',
    'They waited too long (age), or others needed their room (room): raise `spec.delivery` or mend the link.',
  ),
  'event refused for good, see `mei outbox list`': says(
    'error',
    'event source status reason',
    'The receiver will never take it; it is kept as a dead letter and can be sent again.',
  ),
} as const;
