// The resource MultiEdgeInference, written once: types, CRD, reference page and offline checks all come from here.
import { Type, type Static } from '@sinclair/typebox';
import { map, objectName } from './fields.ts';
import { withRules } from './rule.ts';
import { Spec } from './spec.ts';
import { Status } from './status.ts';

export const group = 'sedna.io';
export const version = 'v1alpha1';
export const kind = 'MultiEdgeInference';
export const plural = 'multiedgeinferences';
export const shortNames = ['mei', 'multiedgeinferenceservice'];

const text = (description: string) => Type.String({ description, maxLength: 262144 });

const Metadata = Type.Object(
  {
    name: Type.String({
      description: 'Name of the task.',
      pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$',
      hint: 'a letter, then lower-case letters, digits and dashes, such as station-north',
      minLength: 1,
      maxLength: 40,
    }),
    namespace: objectName({ description: 'Namespace of the task.', default: 'default', maxLength: 63 }),
    labels: Type.Optional(map(text('Value.'), { description: 'Labels.', maxProperties: 256 })),
    annotations: Type.Optional(map(text('Value.'), { description: 'Annotations.', maxProperties: 256 })),
    uid: Type.Optional(text('Given by the API server.')),
    generation: Type.Optional(
      Type.Integer({ description: 'Counts changes of spec; given by the API server.' }),
    ),
    resourceVersion: Type.Optional(text('Given by the API server.')),
    creationTimestamp: Type.Optional(text('Given by the API server.')),
    deletionTimestamp: Type.Optional(text('Given by the API server.')),
    finalizers: Type.Optional(
      Type.Array(text('Name.'), { description: 'What must happen before deletion.' }),
    ),
    ownerReferences: Type.Optional(Type.Array(Type.Unknown(), { description: 'Given by the API server.' })),
    managedFields: Type.Optional(Type.Array(Type.Unknown(), { description: 'Given by the API server.' })),
  },
  { description: 'Name and namespace of the task.' },
);

/** Rule of the CRD's root: the API server checks metadata only through CEL; offline, Metadata's own pattern does. */
export const nameRule = {
  rule: "self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
  message:
    'metadata.name must be at most 40 lower-case letters, digits and dashes and start with a letter, such as station-north',
};

export const Resource = withRules(
  Type.Object(
    {
      apiVersion: Type.Unsafe<'sedna.io/v1alpha1'>({
        type: 'string',
        enum: [`${group}/${version}`],
        description: 'Version of the resource.',
      }),
      kind: Type.Unsafe<'MultiEdgeInference'>({
        type: 'string',
        enum: [kind],
        description: 'Kind of the resource.',
      }),
      metadata: Metadata,
      spec: Spec,
      status: Type.Optional(Status),
    },
    {
      description:
        'A task of multi-edge inference: people are followed in many cameras at the edge and keep one identity across them.',
    },
  ),
  [],
);

/** A task with all defaults applied, exactly as the API server would store it. */
export type Task = Static<typeof Resource>;
