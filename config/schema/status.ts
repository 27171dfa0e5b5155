// The status of a MultiEdgeInference: written by the controller and the status function, read by people and the console.
import { Type, type Static } from '@sinclair/typebox';
import { stageNames } from '../worker.ts';
import { atomicList, choice, dateTime, label, listMap, objectName } from './fields.ts';

const text = (description: string, maxLength = 1024) =>
  Type.Optional(Type.String({ description, maxLength }));
const count = (description: string) =>
  Type.Optional(Type.Integer({ description, minimum: 0, format: 'int64' }));
const rate = (description: string) => Type.Optional(Type.Number({ description, minimum: 0 }));

export const phases = [
  'Pending',
  'Starting',
  'Running',
  'Degraded',
  'Suspended',
  'Completed',
  'Failed',
] as const;
const workerPhases = ['Pending', 'Starting', 'Running', 'Completed', 'Failed', 'Unknown'] as const;
const cameraStates = ['connecting', 'connected', 'reconnecting', 'failed', 'ended'] as const;

const Condition = Type.Object(
  {
    type: Type.String({
      description:
        'Ready, ModelsResolved, WorkersCreated, EdgesSynced, SourcesConnected, Degraded or Completed.',
      maxLength: 316,
    }),
    status: choice(['True', 'False', 'Unknown'], { description: 'Whether it holds.' }),
    reason: Type.String({ description: 'Why, in one word for programs.', minLength: 1, maxLength: 1024 }),
    message: Type.String({ description: 'Why, in words for people.', default: '', maxLength: 32768 }),
    lastTransitionTime: dateTime({ description: 'When status last changed.' }),
    observedGeneration: count('Generation of the spec that this is about.'),
  },
  { description: 'One thing that is so or not.' },
);

const StageStatus = Type.Object(
  {
    name: choice(stageNames, { description: 'Name of the stage.' }),
    phase: choice(workerPhases, { description: 'State of its workers together.', default: 'Unknown' }),
    workers: count('Workers that should run.'),
    readyWorkers: count('Workers that are ready.'),
    model: text('Name of the model in use.', 128),
    message: text('What is wrong, in words.'),
  },
  { description: 'State of one stage.' },
);

const NodeStatus = Type.Object(
  {
    name: objectName({ description: 'Name of the node.' }),
    phase: choice(workerPhases, { description: 'State of its workers together.', default: 'Unknown' }),
    generation: count('Generation of the task that the node has confirmed.'),
    lastReportTime: Type.Optional(dateTime({ description: 'When the node last reported.' })),
    message: text('What is wrong, in words.'),
  },
  { description: 'State of one node.' },
);

const CameraStatus = Type.Object(
  {
    id: label({ description: 'Id of the camera.' }),
    node: text('Node that serves it.', 253),
    state: choice(cameraStates, { description: 'State of the connection.', default: 'connecting' }),
    fps: rate('Pictures a second that are analysed.'),
    people: count('People tracked now.'),
    dropped: count('Pictures dropped because a newer one was there.'),
    progress: Type.Optional(
      Type.Number({ description: 'How much of a recording is done.', minimum: 0, maximum: 1 }),
    ),
    message: text('Why it is not connected, in words.'),
  },
  { description: 'State of one camera.' },
);

const TaskInfo = Type.Object(
  {
    trackingObjectNumber: Type.Integer({
      description: 'Distinct people so far.',
      minimum: 0,
      format: 'int64',
    }),
    findUnknownObject: Type.Boolean({ description: 'Whether anybody was seen who is none of the targets.' }),
    startTime: Type.Optional(dateTime({ description: 'Media time of the first result.' })),
    currentTime: Type.Optional(dateTime({ description: 'Media time of the newest result.' })),
  },
  { description: 'Summary of the task.' },
);

const seconds = (description: string) => Type.Number({ description, minimum: 0 });

const Calibration = Type.Object(
  {
    model: Type.String({ description: 'Digest of the embedder.', minLength: 1, maxLength: 128 }),
    threshold: Type.Number({
      description:
        'Similarity from which two tracks are thought to be one person, after what all people of a camera share was taken away.',
    }),
    given: Type.Number({
      description: 'The same before the site moved it: as the catalogue or the task says.',
    }),
    differentPairs: Type.Integer({
      description: 'Pairs known to be two people: one camera showed them at one time.',
      minimum: 0,
      format: 'int64',
    }),
    samePairs: Type.Integer({
      description: 'Pairs known to be one person: the beginning and the end of one track.',
      minimum: 0,
      format: 'int64',
    }),
  },
  { description: 'Where the line between same and different is drawn for one embedder.' },
);

const Way = Type.Object(
  {
    from: label({ description: 'Id of the camera that people leave.' }),
    to: label({ description: 'Id of the camera that sees them next.' }),
    people: Type.Integer({ description: 'How many surely went there.', minimum: 0, format: 'int64' }),
    share: Type.Optional(
      Type.Number({
        description: 'Share of those who left the camera and were seen again.',
        minimum: 0,
        maximum: 1,
      }),
    ),
    quickSeconds: seconds('One in ten arrives within this time.'),
    usualSeconds: seconds('Half of them arrive within this time.'),
    slowSeconds: seconds('Nine in ten arrive within this time.'),
  },
  { description: 'A way between two cameras that people were seen to take.' },
);

const Site = Type.Object(
  {
    calibration: Type.Optional(atomicList(Calibration, { description: 'Thresholds in force.', maxItems: 8 })),
    ways: Type.Optional(
      atomicList(Way, { description: 'Ways that were learned, most travelled first.', maxItems: 64 }),
    ),
    wayFloor: Type.Optional(
      Type.Number({
        description: 'What ways keep that nobody was seen to take, as a share of what is usual on any site.',
        minimum: 0,
        maximum: 1,
      }),
    ),
    problems: Type.Optional(
      atomicList(Type.String({ description: 'A sentence.', maxLength: 512 }), {
        description: 'What keeps people from being told apart.',
        maxItems: 16,
      }),
    ),
  },
  { description: 'What matching learned about the place.' },
);

const Report = Type.Object(
  {
    time: dateTime({ description: 'When it was made.' }),
    node: objectName({ description: 'Node of the worker.' }),
    worker: Type.String({ description: 'Name of the worker.', maxLength: 253 }),
    stage: choice(stageNames, { description: 'Stage it is about.' }),
    sequence: Type.Integer({
      description: 'Number of the report, counted by the worker.',
      minimum: 0,
      format: 'int64',
    }),
    phase: choice(workerPhases, { description: 'State of the stage in the worker.' }),
    message: text('What happened, in words.'),
  },
  { description: 'One change that a worker reported.' },
);

export const Status = Type.Object(
  {
    phase: Type.Optional(choice(phases, { description: 'Summary of conditions.' })),
    observedGeneration: count('Generation of the spec that this status is about.'),
    conditions: Type.Optional(
      listMap(Condition, 'type', { description: 'What is so and what is not.', maxItems: 32 }),
    ),
    completedWork: text(
      'Digest of what was asked of recordings that are done; an edit that changes it works through them anew.',
      64,
    ),
    camerasConnected: text('Connected cameras of all, such as 3/4.', 16),
    identities: count('People with an identity so far.'),
    owner: text('Worker that matches; others of its kind stand by.', 253),
    stages: Type.Optional(
      listMap(StageStatus, 'name', { description: 'State of each stage.', maxItems: 16 }),
    ),
    nodes: Type.Optional(listMap(NodeStatus, 'name', { description: 'State of each node.', maxItems: 512 })),
    cameras: Type.Optional(
      listMap(CameraStatus, 'id', { description: 'State of each camera.', maxItems: 128 }),
    ),
    output: Type.Optional(
      Type.Object(
        { taskInfo: Type.Optional(TaskInfo), site: Type.Optional(Site) },
        { description: 'What came out so far.' },
      ),
    ),
    reports: Type.Optional(
      atomicList(Report, {
        description: 'The latest changes that workers reported, oldest first.',
        maxItems: 64,
      }),
    ),
  },
  { description: 'How the task is doing.' },
);

export type Status = Static<typeof Status>;
