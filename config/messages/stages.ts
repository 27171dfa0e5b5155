// What stages write into the log of their worker: the story of cameras, tracks and people. Part of config/messages.ts.
import { says } from './says.ts';

const sameModel = 'sha256 of the file tells whether two workers have the same one.';

export const stageMessages = {
  // ingest
  'camera connected': says('info', 'camera source width height', 'Frames come, in this size.'),
  'camera lost': says(
    'warn',
    'camera reason waitMs',
    'No frames come; it is tried again for ever, with growing pauses. Said once for each reason.',
  ),
  'camera failed': says(
    'error',
    'camera reason',
    'It is given up: a recording cannot be read, or access is missing. Mend the cause and restart the worker.',
  ),
  'camera ended': says(
    'info',
    'camera frames dropped damaged reconnects',
    'The recording is over, with what became of its frames.',
  ),
  'frames refused': says(
    'warn',
    'camera reason',
    'The next stage does not take frames; newer ones replace them until it does.',
  ),
  'frames accepted again': says('info', 'camera dropped', 'The next stage takes frames again.'),
  'picture refused': says(
    'warn',
    'camera reason',
    'A pushed picture cannot be used. Said once until one can be used again.',
  ),
  'end not accepted': says(
    'warn',
    'camera reason',
    'The camera was taken out, and later stages could not be told: its people end when their time is over.',
  ),
  'too few threads: set UV_THREADPOOL_SIZE': says(
    'warn',
    'cameras threads wanted',
    'Each live camera needs a thread of libuv; set the variable to the wanted number.',
  ),
  // detect
  'local results cannot be written': says(
    'error',
    'camera folder reason',
    'Boxes and the picture of this camera are not kept any more; identities are. Free the disk, check the folder.',
  ),
  'local results are full': says(
    'warn',
    'camera folder maxBytes',
    'Boxes of this camera have reached their limit: later ones are not kept.',
  ),
  'model loaded': says('info', 'stage model sha256', `A detector or embedder is ready; ${sameModel}`),
  // embed
  'track ended': says(
    'info',
    'camera track from to observations revision',
    'One person left one camera: media times in seconds, frames in which the person was seen.',
  ),
  // match
  'store opened': says('info', 'stage folder threshold margin', 'Identities are kept there.'),
  'person seen': says(
    'info',
    'identity camera track isNew score margin reason',
    'A track has got its identity; isNew when nobody seen before was similar enough.',
  ),
  'identities merged': says(
    'info',
    'identity from score margin reason',
    'Two identities turned out to be one person: `from` is now `identity`.',
  ),
  'identity split': says(
    'info',
    'identity to tracks score margin reason',
    'Tracks turned out to be of another person: they are now of `to`.',
  ),
  'target sighted': says(
    'info',
    'target identity camera track score margin reason',
    'A person that the task looks for was seen.',
  ),
  'people in contact': says(
    'info',
    'identity other cameras from to exposureS distanceM deviationM',
    'Two people came close; said again, with the same `from`, while it lasts.',
  ),
  'this worker decides from now on': says(
    'info',
    'stage epoch before',
    'Of several workers of the stage match this one decides; `before` did until now.',
  ),
  'another worker decides: standing by': says(
    'warn',
    'stage epoch',
    'This worker takes over when that one is gone.',
  ),
  'begins anew with what the store says': says(
    'warn',
    'stage epoch error',
    'The connection to the store broke before the server said what of the last work is stored. Senders repeat the rest.',
  ),
  'the lease cannot be looked after': says('warn', 'stage error', 'The store does not answer. Tried again.'),
  'announcement not repeated': says(
    'warn',
    'stage error',
    'What an earlier process may not have announced could not be announced again: subscribers may lack it, the store has it.',
  ),
  'idle work failed': says(
    'warn',
    'stage error',
    'Tried again every second; the readiness says what the store lacks.',
  ),
  'picture not usable': says(
    'warn',
    'stage problem',
    'A picture of a target shows nobody or cannot be read: replace it. The other pictures are used.',
  ),
  'looking for people': says('info', 'stage targets', 'Targets, and how many pictures of each are used.'),
  'pictures not looked at': says(
    'warn',
    'stage error',
    'Pictures of targets could not be loaded; tried again.',
  ),
  // status
  'status goes there': says('info', 'stage folder sink', 'Where the state of the task is written.'),
} as const;
