// The shape of serverless.yml: functions.ts here and, through the generated functions.schema.json, the osls plugin check it.
import { Type, type Static } from '@sinclair/typebox';
import { eventTypes, type EventName } from '../events.ts';
import { choice, quantity } from './fields.ts';

/** Events that no function produces: cameras push images, every worker reports. */
export const fromOutside: readonly EventName[] = ['image', 'report'];

const eventNames = Object.keys(eventTypes) as EventName[];
const whole = (description: string, minimum: number, maximum: number) =>
  Type.Integer({ description, minimum, maximum });

const Amounts = (description: string) =>
  Type.Object(
    {
      cpu: quantity({ description: 'Cores, such as 500m.' }),
      memory: quantity({ description: 'Bytes, such as 256Mi.' }),
    },
    { description },
  );

const functionFields = {
  placement: choice(['edge', 'cloud'], {
    description: 'Where the function runs unless a task says otherwise.',
  }),
  consumes: Type.Array(choice(eventNames, { description: 'Name of an event type in config/events.ts.' }), {
    description: 'Events it takes.',
    minItems: 1,
    uniqueItems: true,
  }),
  produces: Type.Array(choice(eventNames, { description: 'Name of an event type in config/events.ts.' }), {
    description: 'Events it gives.',
    uniqueItems: true,
  }),
  acknowledge: choice(['queued', 'handled'], {
    description: 'When a sender hears 202: once the event is queued, or once it is handled.',
  }),
  queue: Type.Object(
    {
      maxEvents: whole('Most events that wait.', 1, 1_000_000),
      maxBytes: quantity({ description: 'Most bytes that wait, such as 64Mi.' }),
    },
    { description: 'Bound of the queue; beyond it a sender hears 429.' },
  ),
  batching: Type.Optional(
    Type.Object(
      {
        maxEvents: whole('Most events handled together.', 1, 10_000),
        maxWaitMs: whole('Longest wait for a batch to fill, milliseconds.', 0, 60_000),
      },
      { description: 'Handles several events at once.' },
    ),
  ),
  resources: Type.Object(
    { requests: Amounts('What is reserved.'), limits: Amounts('What is never exceeded.') },
    { description: 'Processor and memory unless a task says otherwise.' },
  ),
  scaling: Type.Object(
    {
      min: whole('Fewest workers.', 0, 64),
      max: whole('Most workers.', 1, 64),
      concurrency: whole('Events one worker handles at a time.', 1, 1000),
      shared: Type.Optional(
        choice(['cameras', 'standby'], {
          description:
            'What several workers of it do: each has some of the cameras, or one works while the others stand by. ' +
            'When left out: any of them takes any event.',
        }),
      ),
    },
    { description: 'How many workers run.' },
  ),
};

export const FunctionEntry = Type.Object(
  {
    description: Type.String({ description: 'One sentence.', minLength: 1, maxLength: 512 }),
    handler: Type.String({
      description: 'Module and export.',
      pattern: '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\\.[A-Za-z_$][A-Za-z0-9_$]*$',
      hint: 'a module path without extension, a dot and the export, such as functions/detect/handler.create',
      maxLength: 256,
    }),
    ...functionFields,
  },
  { description: 'One function.' },
);

export const providerFields = {
  image: Type.String({ description: 'Image of the workers.', minLength: 1, maxLength: 512 }),
};

const entry = (stage: string) => ({ ...FunctionEntry, description: `The ${stage} stage.` });

export const Serverless = Type.Object(
  {
    service: Type.String({ description: 'Name of the service.', minLength: 1, maxLength: 63 }),
    frameworkVersion: Type.Optional(Type.String({ description: 'Version of osls.', maxLength: 32 })),
    provider: Type.Object(
      { name: choice(['knative'], { description: 'Name of the provider.' }), ...providerFields },
      { description: 'What the functions are deployed with.' },
    ),
    plugins: Type.Optional(Type.Array(Type.String(), { description: 'Plugins of osls.' })),
    package: Type.Optional(
      Type.Object(
        { patterns: Type.Array(Type.String(), { description: 'Files in the package.' }) },
        { description: 'What osls puts into its package.' },
      ),
    ),
    functions: Type.Object(
      {
        ingest: entry('ingest'),
        detect: entry('detect'),
        embed: entry('embed'),
        match: entry('match'),
        status: entry('status'),
      },
      { description: 'The functions: the five stages.' },
    ),
  },
  { description: 'The list of functions.' },
);

export type Serverless = Static<typeof Serverless>;
export type FunctionEntry = Static<typeof FunctionEntry>;
