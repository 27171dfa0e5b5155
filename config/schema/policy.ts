// What may leave a node, how long results are kept, how events travel: the parts of the resource for whoever runs it.
import { Type } from '@sinclair/typebox';
import { choice, duration, objectName, quantity } from './fields.ts';
import { JetStream, natsUrl } from './jetStream.ts';
import { withRules } from './rule.ts';

export const Privacy = Type.Object(
  {
    egress: choice(['FeaturesOnly', 'CropsAllowed'], {
      description:
        'FeaturesOnly: no pixel leaves the node of the camera. CropsAllowed: pictures cut out around people may, ' +
        'which lets the embed stage run in the cloud.',
      default: 'FeaturesOnly',
    }),
  },
  { description: 'What may leave the node of a camera.', default: {} },
);

export const Retention = withRules(
  Type.Object(
    {
      results: duration({ description: 'How long identities and their paths are kept.', default: '30d' }),
      vectors: duration({
        description: 'How long appearance vectors are kept; older people are not recognised again.',
        default: '7d',
      }),
      claimName: Type.Optional(
        objectName({
          description:
            'PersistentVolumeClaim, in the namespace of the task, that keeps the identities. When left out they live with ' +
            'the pod of the match worker: a restart of the worker keeps them, the loss of its pod does not.',
        }),
      ),
      storeName: Type.Optional(
        objectName({
          description:
            'Name of the store in the claim, or on the server. Tasks that give the same name, one after the other, go on with the same people. ' +
            'When left out the task has a store of its own.',
        }),
      ),
      storeRef: Type.Optional(
        Type.Object(
          {
            name: objectName({ description: 'Name of a Secret in the namespace of the task.' }),
            key: Type.String({
              description: 'Key of the address in the Secret.',
              pattern: '^[-._a-zA-Z0-9]+$',
              hint: 'a key of the Secret, such as uri',
              default: 'uri',
              minLength: 1,
              maxLength: 253,
            }),
            port: Type.Integer({
              description: 'Port of the server, which the match worker may reach.',
              default: 5432,
              minimum: 1,
              maximum: 65535,
            }),
          },
          {
            description:
              'Address of a PostgreSQL server that keeps the identities instead of a claim, such as ' +
              'postgres://user:password@host:5432/database, in a Secret; it follows the Secret.',
          },
        ),
      ),
    },
    {
      description: 'How long what is kept, and where. Pictures of people are not kept at all.',
      default: {},
      gone: { crops: 'no stage keeps pictures of people: leave it out' },
    },
  ),
  [
    {
      rule: '!has(self.storeName) || has(self.claimName) || has(self.storeRef)',
      message:
        'storeName names a store in a claim or on a server: set claimName or storeRef too, or remove storeName',
      check: ({ storeName, claimName, storeRef }) =>
        storeName === undefined || claimName !== undefined || storeRef !== undefined || ['storeName'],
    },
    {
      rule: '!has(self.claimName) || !has(self.storeRef)',
      message: 'identities are kept in one place: remove claimName or storeRef',
      check: ({ claimName, storeRef }) => claimName === undefined || storeRef === undefined || ['storeRef'],
    },
  ],
);

export const Access = Type.Object(
  {
    tokensRef: Type.Object(
      {
        name: objectName({ description: 'Name of a Secret in the namespace of the task.' }),
        key: Type.String({
          description: 'Key of the tokens in the Secret.',
          pattern: '^[-._a-zA-Z0-9]+$',
          hint: 'a key of the Secret, such as tokens',
          default: 'tokens',
          minLength: 1,
          maxLength: 253,
        }),
      },
      {
        description:
          'Who may ask the match stage about people: lines of name, view or operate, tasks or *, and a token. It follows the Secret.',
      },
    ),
  },
  { description: 'Who may ask about people. When left out: nobody.' },
);

export const Delivery = withRules(
  Type.Object(
    {
      type: choice(['HTTP', 'Broker'], {
        description:
          'HTTP sends events from stage to stage; Broker sends them to the cloud through NATS JetStream when broker.url is ' +
          'given, else through a Knative Broker.',
        default: 'HTTP',
      }),
      broker: Type.Optional(
        Type.Object(
          {
            name: objectName({ description: 'Knative: name of the Broker.', default: 'default' }),
            url: Type.Optional(natsUrl({ description: 'JetStream: address of the server, or hub.' })),
            jetStream: Type.Optional(JetStream),
            deadLetterUri: Type.Optional(
              Type.String({
                description:
                  'Knative: address (http, https) that gets events which no worker took in time. When left out: the dead letter ' +
                  'sink of the Broker, if it has one; else they are lost.',
                pattern: '^https?://[^/?#@]+([/?].*)?$',
                hint: 'such as http://dead-letters.shop.svc.cluster.local/',
                minLength: 1,
                maxLength: 2048,
              }),
            ),
          },
          {
            description:
              'NATS JetStream, or the Knative Broker in the namespace of the task. When left out: the Knative Broker default.',
          },
        ),
      ),
      outbox: Type.Object(
        {
          maxBytes: quantity({
            description: 'Most bytes that wait for a camera while the cloud is away.',
            default: '100Mi',
          }),
          maxAge: duration({ description: 'What waits longer is dropped and counted.', default: '24h' }),
        },
        { description: 'What an edge node keeps while it cannot reach the cloud.', default: {} },
      ),
    },
    { description: 'How events travel.', default: {} },
  ),
  [
    {
      rule: "!has(self.broker) || self.type == 'Broker'",
      message: 'broker counts only with type Broker: set type: Broker or remove broker',
      check: ({ broker, type }) => broker === undefined || type === 'Broker' || ['broker'],
    },
    {
      rule: '!has(self.broker) || !has(self.broker.jetStream) || has(self.broker.url)',
      message: 'jetStream needs the address of a NATS server: set broker.url or remove jetStream',
      check: ({ broker }) => !broker?.jetStream || broker.url !== undefined || ['broker', 'jetStream'],
    },
    {
      rule: '!has(self.broker) || !has(self.broker.deadLetterUri) || !has(self.broker.url)',
      message: 'deadLetterUri is for Knative: JetStream keeps dead letters in the stream, remove it',
      check: ({ broker }) =>
        broker?.deadLetterUri === undefined || broker.url === undefined || ['broker', 'deadLetterUri'],
    },
  ],
);
