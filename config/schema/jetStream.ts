// The part of the resource that sends events through NATS JetStream; policy.ts has it under delivery.broker.
import { Type } from '@sinclair/typebox';
import { duration, objectName, quantity, type FieldOptions } from './fields.ts';

export function natsUrl(options: FieldOptions) {
  return Type.String({
    pattern: '^(nats|tls)://[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?(:[0-9]{1,5})?$',
    hint: 'such as tls://nats.example:4222, without a password',
    minLength: 1,
    maxLength: 253,
    ...options,
  });
}

function keyOf(usual: string, description: string) {
  return Type.Optional(
    Type.Object(
      {
        name: objectName({ description: 'Name of a Secret in the namespace of the task.' }),
        key: Type.String({
          description: 'Key in the Secret.',
          pattern: '^[-._a-zA-Z0-9]+$',
          hint: `a key of the Secret, such as ${usual}`,
          default: usual,
          minLength: 1,
          maxLength: 253,
        }),
      },
      { description },
    ),
  );
}

const access = {
  credentialsRef: keyOf(
    'credentials',
    'What the server is shown: a .creds file, the seed of an nkey, user:password, or a token. When left out: nothing.',
  ),
  caRef: keyOf(
    'ca.crt',
    'Certificates (PEM) of the authorities that count for the server. When left out: the public ones.',
  ),
};

export const JetStream = Type.Object(
  {
    ...access,
    maxBytes: quantity({
      description:
        'Most bytes that the stream of the task holds. When it is full of what no worker has taken, outboxes wait.',
      default: '1Gi',
    }),
    maxAge: duration({
      description: 'What lies longer in the stream is removed, whether a worker took it or not.',
      default: '24h',
    }),
    replicas: Type.Integer({
      description: 'On how many servers of a cluster the stream lies.',
      default: 1,
      minimum: 1,
      maximum: 5,
    }),
    leaf: Type.Optional(
      Type.Object(
        {
          url: natsUrl({
            description:
              'Address at which a worker at the edge reaches the leaf node of its own node. Its JetStream domain is the ' +
              'name of the node, dots as underscores.',
          }),
          ...access,
        },
        {
          description:
            'Leaf nodes store events at the edge and hand them to the hub. When left out workers at the edge send to url.',
        },
      ),
    ),
  },
  { description: 'How the stream is kept and reached. When left out: the defaults.' },
);
