// The shape of config/models.yaml, and of a catalogue of the user's own: config/models.ts checks both with it.
import { Type, type Static } from '@sinclair/typebox';
import { choice, listMap } from './fields.ts';
import { withRules } from './rule.ts';

const part = (description: string) => Type.Optional(Type.Number({ description, minimum: 0, maximum: 1 }));
const line = (description: string) => Type.String({ description, minLength: 1, maxLength: 1024 });
const pixels = (description: string) => Type.Integer({ description, minimum: 16, maximum: 4096 });

const Row = withRules(
  Type.Object(
    {
      name: Type.String({
        description: 'Name that a task gives in stages.<stage>.modelRef.name.',
        pattern: '^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$',
        hint: 'letters, digits, dashes and dots, such as rtmdet-nano-person-384x512',
        maxLength: 128,
      }),
      task: choice(['detect', 'embed'], { description: 'The stage it is for.' }),
      uri: line(
        'http(s) address; path relative to this package (embedded) or to the catalogue; or the name of a file that is ' +
          'looked for in MODELS_DIR and in the cache.',
      ),
      sha256: Type.String({
        description: 'Digest of the file.',
        pattern: '^[0-9a-f]{64}$',
        hint: 'the 64 hexadecimal digits that sha256sum prints',
      }),
      licence: line('Licence of the weights as far as it is known.'),
      origin: line('Where the original comes from, in words.'),
      contract: choice(['boxes-scores', 'embedding'], {
        description: 'Tensors: image -> boxes, scores (detectors), or image -> embedding (embedders).',
      }),
      embedded: Type.Boolean({ description: 'Whether the file is part of this package.', default: false }),
      input: Type.Object(
        {
          width: pixels('Width in pixels.'),
          height: pixels('Height in pixels.'),
          resize: choice(['letterbox', 'stretch'], {
            description: 'Keep the aspect ratio and fill with grey below and right, or stretch.',
          }),
        },
        { description: 'The picture it takes.' },
      ),
      scoreThreshold: part('Detectors: score above which a person starts a track.'),
      nmsIou: part('Detectors: overlap (IoU) above which the weaker box is dropped.'),
      dimensions: Type.Optional(
        Type.Integer({ description: 'Embedders: length of the vector.', minimum: 8, maximum: 4096 }),
      ),
      sameThreshold: part('Embedders: cosine similarity above which two people are the same.'),
      margin: part('Embedders: lead needed over the next best.'),
    },
    { description: 'One model.' },
  ),
  [
    {
      rule: "(self.task == 'detect') == (self.contract == 'boxes-scores')",
      message: 'a detector has contract boxes-scores and an embedder has contract embedding',
      check: ({ task, contract }) => (task === 'detect') === (contract === 'boxes-scores') || ['contract'],
    },
    {
      rule: "self.task == 'detect' ? has(self.scoreThreshold) && has(self.nmsIou) : has(self.dimensions) && has(self.sameThreshold) && has(self.margin)",
      message:
        'a detector needs scoreThreshold and nmsIou; an embedder needs dimensions, sameThreshold and margin',
      check: ({ task, scoreThreshold, nmsIou, dimensions, sameThreshold, margin }) =>
        !(task === 'detect' ? [scoreThreshold, nmsIou] : [dimensions, sameThreshold, margin]).includes(
          undefined,
        ),
    },
  ],
);

const Defaults = Type.Object(
  { detect: line('Name of the detector.'), embed: line('Name of the embedder.') },
  { description: 'Models of a task that names none.' },
);

export const Catalogue = Type.Object(
  {
    defaults: Type.Optional(Defaults),
    models: listMap(Row, 'name', { description: 'The models.', maxItems: 1000 }),
  },
  { description: 'A catalogue of models.' },
);

export type CatalogueRow = Static<typeof Row>;
export type Catalogue = Static<typeof Catalogue>;
