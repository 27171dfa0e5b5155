// What the controller and the local controllers of nodes write into their logs. Part of config/messages.ts.
import { says } from './says.ts';

const triedAgain = 'Tried again.';

export const controllerMessages = {
  // the controller
  'waiting for the lease': says(
    'info',
    'port image',
    'Another controller works, or is asked whether it does.',
  ),
  leading: says('info', '', 'This controller is the one that works.'),
  ended: says('info', 'reason', 'The process ended as asked.'),
  'ended in trouble': says('error', 'reason', 'The process ended; it is started again.'),
  'lease not acquired': says('warn', 'error', triedAgain),
  'lease not renewed': says(
    'warn',
    'error',
    `${triedAgain} Too often means that another controller takes over.`,
  ),
  'lease not released': says('warn', 'error', 'The next controller waits until the lease is over.'),
  'listing anew': says(
    'info',
    'kind error',
    'The API server forgot where a watch was: normal after a long cut.',
  ),
  'watching failed': says(
    'warn',
    'kind error',
    'The API server cannot be reached, or rights are missing. Tried again.',
  ),
  'not known whether it is served': says(
    'warn',
    'kind error',
    `A kind of Knative could not be looked for. ${triedAgain}`,
  ),
  'switches of Knative not read': says('warn', 'error', triedAgain),
  'objects changed': says(
    'info',
    'task created changed removed',
    'How many objects of a task were written or removed to make it so.',
  ),
  'condition changed': says(
    'info',
    'task type status reason text',
    'One condition of a task, as `kubectl describe` shows it.',
  ),
  'task failed': says(
    'warn',
    'task error retryInMs',
    'A task could not be made so; its conditions say why. Tried again.',
  ),
  'task not held for its nodes': says(
    'warn',
    'task error',
    'When it is deleted, nodes hear of it when they connect.',
  ),
  'nodes did not confirm a deletion in time': says(
    'warn',
    'task nodes',
    'The task is gone; these nodes drop it when they connect.',
  ),
  'others change the status again and again': says(
    'warn',
    'task pauseMs',
    'Two controllers of different versions, or a tool, write the same fields.',
  ),
  'event not posted': says('warn', 'task error', 'A Kubernetes event is missing; the conditions are not.'),
  // links to nodes
  'waiting for local controllers': says('info', 'port', 'Nodes may connect there.'),
  'a local controller is connected': says('info', 'node', 'Its tasks are sent to it.'),
  'a local controller is away': says('warn', 'node code', 'The node goes on with what it has stored.'),
  'a local controller does not answer': says('warn', 'node event', 'The connection is made anew.'),
  'a local controller refuses': says(
    'warn',
    'node reason',
    'It cannot use its share of a task. Tried again.',
  ),
  'nothing is taken for the cloud': says(
    'error',
    'reason',
    'The file of the outbox of this node cannot be opened, for instance on a full disk. Tried again every ten seconds; the rest goes on.',
  ),
  'a local controller sent something that is no answer': says(
    'warn',
    'node error',
    'Versions differ: use one on both sides.',
  ),
  'a link failed': says('warn', 'node error', 'The connection broke; the node dials again.'),
  'a link could not be admitted': says('error', 'error', 'A fault of this program. Report it.'),
  'certificate renewed': says('info', '', 'New connections use it.'),
  'certificate not renewed': says('warn', 'error', 'The old one is in use until the files can be read.'),
  // local controllers
  'tasks that are stored': says('info', 'tasks', 'The node can work without the cloud on these.'),
  'the store was damaged: starting with an empty one': says(
    'error',
    'movedTo',
    'Tasks come again when the controller is connected. Look at the disk.',
  ),
  'connected to the controller': says('info', 'controller', 'Tasks arrive, reports leave.'),
  'not connected to the controller': says(
    'warn',
    'reason retryInMs',
    'The node works on; reports wait in its outbox.',
  ),
  'link given up': says('error', 'reason', 'The other end is no controller of this version. Tried again.'),
  received: says('info', 'kind event reason', 'A task came or went; with a reason when it was refused.'),
} as const;
