// How each stage of a task runs: where, with which model, how often, with what resources.
import { Type, type Static } from '@sinclair/typebox';
import { atomicList, choice, map, quantity } from './fields.ts';
import { withRules } from './rule.ts';

const threshold = (description: string) =>
  Type.Optional(Type.Number({ description, minimum: 0, maximum: 1 }));
const pixels = (description: string) => Type.Integer({ description, minimum: 16, maximum: 4096 });

export const ModelRef = withRules(
  Type.Object(
    {
      name: Type.String({
        description: 'Name of a row of the catalogue (config/models.yaml), or of the model described here.',
        pattern: '^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$',
        hint: 'letters, digits, dashes and dots, such as rtmdet-nano-person-384x512',
        minLength: 1,
        maxLength: 128,
      }),
      uri: Type.Optional(
        Type.String({
          description:
            'Own model: address (http, https) or path of an ONNX file that keeps the contract of the stage.',
          minLength: 1,
          maxLength: 2048,
        }),
      ),
      sha256: Type.Optional(
        Type.String({
          description: 'Own model: digest of the file; nothing else is ever loaded.',
          pattern: '^[0-9a-f]{64}$',
          hint: 'the 64 hexadecimal digits that sha256sum prints',
          maxLength: 64,
        }),
      ),
      input: Type.Optional(
        Type.Object(
          {
            width: pixels('Width in pixels.'),
            height: pixels('Height in pixels.'),
            resize: choice(['letterbox', 'stretch'], {
              description: 'Keep the aspect ratio and fill with grey, or stretch.',
              default: 'stretch',
            }),
          },
          { description: 'Own model: size of the picture it takes.' },
        ),
      ),
      scoreThreshold: threshold('Detectors: score above which a person starts a track.'),
      nmsIou: threshold('Detectors: overlap (IoU) above which the weaker box is dropped.'),
      dimensions: Type.Optional(
        Type.Integer({ description: 'Embedders: length of the vector.', minimum: 8, maximum: 4096 }),
      ),
      sameThreshold: threshold('Embedders: cosine similarity above which two people are the same.'),
      margin: threshold('Embedders: lead needed over the next best.'),
    },
    { description: 'The model of the stage.' },
  ),
  [
    {
      rule: 'has(self.uri) == has(self.sha256) && has(self.uri) == has(self.input)',
      message:
        'a model of your own needs uri, sha256 and input together; without them name is looked up in the catalogue',
      check: ({ uri, sha256, input }) =>
        (uri === undefined) === (sha256 === undefined) && (uri === undefined) === (input === undefined),
    },
  ],
);

export type ModelRef = Static<typeof ModelRef>;

const amounts = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        cpu: Type.Optional(quantity({ description: 'Cores, such as 500m or 2.' })),
        memory: Type.Optional(quantity({ description: 'Bytes, such as 256Mi.' })),
      },
      { description },
    ),
  );

const Toleration = withRules(
  Type.Object(
    {
      key: Type.Optional(
        Type.String({
          description: 'Taint to tolerate; when left out with operator Exists, all.',
          maxLength: 316,
        }),
      ),
      operator: choice(['Equal', 'Exists'], { description: 'How value is compared.', default: 'Equal' }),
      value: Type.Optional(Type.String({ description: 'Value of the taint.', maxLength: 63 })),
      effect: Type.Optional(
        choice(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], {
          description: 'Effect to tolerate; when left out, all.',
        }),
      ),
      tolerationSeconds: Type.Optional(
        Type.Integer({
          description: 'NoExecute: how long the taint is tolerated.',
          minimum: 0,
          format: 'int64',
        }),
      ),
    },
    { description: 'A taint that the stage may run in spite of.' },
  ),
  [
    {
      rule: "self.operator == 'Exists' ? !has(self.value) : has(self.key)",
      message: 'operator Exists takes no value, and operator Equal needs a key',
      check: ({ operator, value, key }) => (operator === 'Exists' ? value === undefined : key !== undefined),
    },
  ],
);

const placed = (defaultPlacement: 'Edge' | 'Cloud') => ({
  placement: choice(['Edge', 'Cloud'], { description: 'Where the stage runs.', default: defaultPlacement }),
});

const running = {
  replicas: Type.Optional(
    Type.Integer({
      description:
        'Workers of the stage (on each node for edge stages). Those of detect and embed share the cameras. Of match one ' +
        'works while the others stand by, and they need retention.claimName. With packing PerNode there is one of each. ' +
        'When left out: as serverless.yml says.',
      minimum: 1,
      maximum: 64,
    }),
  ),
  nodeSelector: map(Type.String({ description: 'Value of the label.', maxLength: 63 }), {
    description: 'Labels that a node must have.',
    default: {},
    maxProperties: 16,
  }),
  tolerations: atomicList(Toleration, {
    description: 'Taints that the stage tolerates.',
    default: [],
    maxItems: 16,
  }),
  resources: Type.Optional(
    Type.Object(
      { requests: amounts('What is reserved.'), limits: amounts('What is never exceeded.') },
      { description: 'Processor and memory. When left out: as serverless.yml says.' },
    ),
  ),
  params: map(Type.Number({ description: 'Value of the parameter.' }), {
    description: 'Further settings of the stage, all numbers; the stage refuses those it does not know.',
    default: {},
    maxProperties: 64,
  }),
};

const stage = (description: string, placement: 'Edge' | 'Cloud') =>
  Type.Object({ ...placed(placement), ...running }, { description, default: {} });

const modelStage = (description: string, placement: 'Edge' | 'Cloud') =>
  Type.Object(
    { ...placed(placement), modelRef: Type.Optional(ModelRef), ...running },
    { description, default: {} },
  );

const framesPerSecond = (description: string) => ({ description, minimum: 0.05, maximum: 60 });

const MotionGate = Type.Object(
  {
    stillFps: Type.Number({
      ...framesPerSecond(
        'Detections a second while the picture does not change: people who stand still keep their tracks.',
      ),
      default: 1,
    }),
    emptyFps: Type.Optional(
      Type.Number(
        framesPerSecond(
          'Detections a second while the picture changes but nobody is followed: newcomers are seen that much later. ' +
            'When left out: every picture that changed.',
        ),
      ),
    ),
  },
  {
    description:
      'Spares the detector pictures that show what the last one showed, and saves processor time where little happens. ' +
      'When left out: every picture is detected in.',
  },
);

const detectStage = Type.Object(
  {
    ...placed('Edge'),
    modelRef: Type.Optional(ModelRef),
    motionGate: Type.Optional(MotionGate),
    ...running,
  },
  { description: 'Finds people and follows them within one camera.', default: {} },
);

export const Stages = withRules(
  Type.Object(
    {
      ingest: stage('Takes pictures from cameras.', 'Edge'),
      detect: detectStage,
      embed: modelStage('Turns crops of people into vectors.', 'Edge'),
      match: stage('Gives one identity to each person across cameras.', 'Cloud'),
      status: stage('Keeps the status of the task up to date.', 'Cloud'),
    },
    { description: 'How the stages run.', default: {} },
  ),
  [
    {
      rule: "self.ingest.placement == 'Edge' && self.detect.placement == 'Edge'",
      message: 'ingest and detect handle whole pictures and must have placement Edge',
      check: ({ ingest, detect }) =>
        ingest.placement !== 'Edge'
          ? ['ingest', 'placement']
          : detect.placement === 'Edge' || ['detect', 'placement'],
    },
  ],
);
