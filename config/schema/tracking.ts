// What is followed, when, and what is known about the place: the parts of the resource that the matcher reads.
import { Type } from '@sinclair/typebox';
import { atomicList, choice, dateTime, label } from './fields.ts';
import { withRules } from './rule.ts';

export const Tracking = Type.Object(
  {
    mode: choice(['MultiObject', 'SingleObject'], {
      description: 'MultiObject follows everybody, SingleObject only the targets.',
      default: 'MultiObject',
    }),
    acrossCamera: Type.Boolean({
      description: 'Give one person one identity across all cameras; false keeps cameras apart.',
      default: true,
    }),
    classes: atomicList(
      Type.String({ description: 'A class of the detector.', pattern: '^[a-z][a-z0-9-]*$', maxLength: 63 }),
      { description: 'Classes of objects to follow.', default: ['person'], minItems: 1, maxItems: 16 },
    ),
  },
  { description: 'What is followed.', default: {} },
);

const Window = withRules(
  Type.Object(
    {
      start: Type.Optional(dateTime({ description: 'Nothing before this time is analysed or told.' })),
      end: Type.Optional(
        dateTime({ description: 'Nothing after this time is analysed or told; then the task is completed.' }),
      ),
    },
    { description: 'The part of recordings, live pictures and results that counts. When left out: all.' },
  ),
  [
    {
      rule: '!has(self.start) || !has(self.end) || self.start < self.end',
      message: 'start must lie before end',
      check: ({ start, end }) => !start || !end || Date.parse(start) < Date.parse(end) || ['end'],
    },
  ],
);

export const Timing = withRules(
  Type.Object(
    {
      mode: choice(['OnTheFly', 'History', 'Both'], {
        description:
          'OnTheFly follows live cameras, History works through recordings and results and then completes, Both does both. ' +
          'Cannot be changed later.',
        default: 'OnTheFly',
      }),
      window: Type.Optional(Window),
    },
    { description: 'When is followed.', default: {} },
  ),
  [
    {
      rule: 'self.mode == oldSelf.mode',
      message: 'mode cannot be changed: delete the task and create it again',
      checkEdit: (timing, old) => timing.mode === old.mode,
    },
  ],
);

const cameraId = (description: string) => label({ description });

const Overlap = withRules(
  Type.Object(
    {
      cameras: atomicList(cameraId('Id of a camera.'), {
        description: 'Two cameras that may see one person at the same time.',
        minItems: 2,
        maxItems: 2,
      }),
    },
    { description: 'A pair of cameras whose views overlap.' },
  ),
  [
    {
      rule: 'self.cameras[0] != self.cameras[1]',
      message: 'an overlap needs two different cameras',
      check: ({ cameras }) => cameras[0] !== cameras[1] || ['cameras', 1],
    },
  ],
);

const TravelTime = withRules(
  Type.Object(
    {
      from: cameraId('Id of one camera.'),
      to: cameraId('Id of the other camera; the time counts in both directions.'),
      minSeconds: Type.Number({
        description: 'Nobody is faster than this.',
        default: 0,
        minimum: 0,
        maximum: 86400,
      }),
      maxSeconds: Type.Number({
        description: 'Later than this, the way says nothing about who it is.',
        default: 3600,
        minimum: 0,
        maximum: 604800,
      }),
    },
    { description: 'How long people take between two cameras.' },
  ),
  [
    {
      rule: 'self.minSeconds <= self.maxSeconds',
      message: 'minSeconds must not be greater than maxSeconds',
      check: ({ minSeconds, maxSeconds }) => minSeconds <= maxSeconds || ['minSeconds'],
    },
    {
      rule: 'self.from != self.to',
      message: 'a travel time needs two different cameras',
      check: ({ from, to }) => from !== to || ['to'],
    },
  ],
);

export const Topology = Type.Object(
  {
    overlaps: atomicList(Overlap, {
      description: 'Pairs of cameras that may see one person at one time. All others never do.',
      default: [],
      maxItems: 256,
    }),
    travelTimes: atomicList(TravelTime, {
      description: 'Known travel times; unknown ones are learned.',
      default: [],
      maxItems: 256,
    }),
  },
  { description: 'How the views of the cameras lie to each other.', default: {} },
);
