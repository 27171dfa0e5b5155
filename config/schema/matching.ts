// Who is looked for and how surely: query pictures, thresholds and close contact of the resource.
import { Type, type Static } from '@sinclair/typebox';
import { atomicList, choice, label, listMap, objectName } from './fields.ts';
import { withRules } from './rule.ts';

const similarity = (description: string) => Type.Number({ description, minimum: -1, maximum: 1 });

const keyRef = (kind: string) =>
  Type.Object(
    {
      name: objectName({ description: `Name of a ${kind} in the namespace of the task.` }),
      key: Type.String({
        description: `Key of the picture in the ${kind}.`,
        pattern: '^[-._a-zA-Z0-9]+$',
        minLength: 1,
        maxLength: 253,
      }),
    },
    { description: `A picture kept in a ${kind}.` },
  );

const QueryImage = withRules(
  Type.Object(
    {
      secretKeyRef: Type.Optional(keyRef('Secret')),
      configMapKeyRef: Type.Optional(keyRef('ConfigMap')),
      url: Type.Optional(
        Type.String({
          description: 'Address of the picture; fetched by the match stage.',
          pattern: '^https?://[^/?#@]+([/?#].*)?$',
          hint: 'an http:// or https:// address without user name or password',
          maxLength: 2048,
        }),
      ),
      file: Type.Optional(
        Type.String({
          description: 'Path of the picture, relative to the task file. Local runs only.',
          minLength: 1,
          maxLength: 1024,
        }),
      ),
    },
    {
      description:
        'One picture of the person (JPEG, PNG or WebP), cut out so that only this person is in it.',
    },
  ),
  [
    {
      rule: '[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.url), has(self.file)].filter(given, given).size() == 1',
      message: 'a query image needs exactly one of secretKeyRef, configMapKeyRef, url and file',
      check: (image) =>
        [image.secretKeyRef, image.configMapKeyRef, image.url, image.file].filter(
          (given) => given !== undefined,
        ).length === 1,
    },
  ],
);

const Target = Type.Object(
  {
    name: label({ description: 'Name under which sightings are reported, unique within the task.' }),
    images: atomicList(QueryImage, {
      description: 'Pictures of the person; several views find more.',
      minItems: 1,
      maxItems: 16,
    }),
  },
  { description: 'A person to look for.' },
);

export const Targets = listMap(Target, 'name', {
  description: 'People to look for.',
  default: [],
  maxItems: 64,
});

export type Target = Static<typeof Target>;

export const Matching = withRules(
  Type.Object(
    {
      threshold: Type.Optional(
        similarity(
          'Cosine similarity above which two tracklets are the same person. When left out: as the catalogue says for the embedder.',
        ),
      ),
      margin: Type.Optional(
        Type.Number({
          description:
            'Lead that the best identity needs over the next. When left out: as the catalogue says for the embedder.',
          minimum: 0,
          maximum: 1,
        }),
      ),
      votes: Type.Integer({
        description: 'How often an assignment must be confirmed before an identity is announced.',
        default: 2,
        minimum: 1,
        maximum: 100,
      }),
      unknownBelow: Type.Optional(
        similarity(
          'A person less similar than this to every target counts as unknown (findUnknownObject). When left out: threshold.',
        ),
      ),
    },
    { description: 'When two sightings count as one person.', default: {} },
  ),
  [
    {
      rule: '!has(self.threshold) || !has(self.unknownBelow) || self.unknownBelow <= self.threshold',
      message: 'unknownBelow must not be greater than threshold: a match would count as unknown',
      check: ({ threshold, unknownBelow }) =>
        threshold === undefined ||
        unknownBelow === undefined ||
        unknownBelow <= threshold || ['unknownBelow'],
    },
  ],
);

export const CloseContact = Type.Object(
  {
    distanceMeters: Type.Number({
      description: 'Two people nearer than this are in contact (GroundPlane).',
      default: 1.8,
      minimum: 0.1,
      maximum: 100,
    }),
    minimumSeconds: Type.Number({
      description: 'Shorter contacts are not reported.',
      default: 3,
      minimum: 0,
      maximum: 86400,
    }),
    method: choice(['GroundPlane', 'Ellipse'], {
      description:
        'GroundPlane measures metres and needs cameras[].homography; Ellipse tests in the image whether the ellipses ' +
        'around two pairs of feet touch.',
      default: 'GroundPlane',
    }),
  },
  { description: 'Report people who come close to each other. When left out, contacts are not looked for.' },
);
