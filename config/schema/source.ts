// Where a camera's pictures come from: part of the resource; desired() and the rules ask sourceTypeOf for its kind.
import { Type, type Static } from '@sinclair/typebox';
import { atomicList, choice, dateTime, objectName } from './fields.ts';
import { withRules } from './rule.ts';

const SecretRef = Type.Object(
  {
    name: objectName({ description: 'Name of a Secret in the namespace of the task.' }),
    usernameKey: Type.String({
      description: 'Key of the user name in the Secret.',
      default: 'username',
      minLength: 1,
      maxLength: 253,
    }),
    passwordKey: Type.String({
      description: 'Key of the password in the Secret.',
      default: 'password',
      minLength: 1,
      maxLength: 253,
    }),
  },
  { description: 'User name and password of the camera, so that they stand in no address and no log.' },
);

const keyOf = (what: string, usual: string, name: string) =>
  Type.Object(
    {
      name: objectName({ description: 'Name of a Secret in the namespace of the task.' }),
      key: Type.String({
        description: `Key of ${what} in the Secret.`,
        pattern: '^[-._a-zA-Z0-9]+$',
        hint: `a key of the Secret, such as ${usual}`,
        default: usual,
        minLength: 1,
        maxLength: 253,
      }),
    },
    { description: name },
  );

const Tls = Type.Object(
  {
    verification: choice(['Full', 'None'], {
      description:
        'Full: the certificate must be valid for the address. None: any is taken, so that anybody on the way can ' +
        'play the camera.',
      default: 'Full',
    }),
    caRef: Type.Optional(
      keyOf(
        'the certificates (PEM)',
        'ca.crt',
        'Authorities that count for this camera, or its own certificate. When left out: the public ones.',
      ),
    ),
    serverName: Type.Optional(
      Type.String({
        description: 'Name that the certificate must have. When left out: the host of uri.',
        pattern: '^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?$',
        hint: 'a host name such as door.cameras.example',
        minLength: 1,
        maxLength: 253,
      }),
    ),
  },
  { description: 'rtsps and https: how the camera proves who it is.' },
);

const Push = Type.Object(
  {
    tokenRef: Type.Optional(
      keyOf(
        'the tokens, one a line',
        'token',
        'Bearer tokens of the camera: pictures are taken only with one of them. In a cluster it is needed.',
      ),
    ),
    picturesPerSecond: Type.Number({
      description: 'A camera that sends more hears 429 and when to come again.',
      default: 30,
      minimum: 0.1,
      maximum: 240,
    }),
    origins: atomicList(
      Type.String({
        description: 'Name under which a sender of webhooks asks to be admitted; * admits all.',
        pattern: '^([*]|[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?)$',
        hint: 'a host name such as events.example.com, or *',
        minLength: 1,
        maxLength: 253,
      }),
      {
        description:
          'Senders that the handshake of CloudEvents webhooks (OPTIONS) admits; tokens are needed all the same.',
        default: [],
        maxItems: 16,
      },
    ),
  },
  { description: 'Push: who may send pictures, and how many.' },
);

const sourceFields = Type.Object(
  {
    type: Type.Optional(
      choice(['RTSP', 'HTTP', 'File', 'Push'], {
        description:
          'How pictures arrive. When left out it follows from uri: rtsp(s):// is RTSP, http(s):// is HTTP (MJPEG or ' +
          'single pictures), anything else is a File, and no uri at all is Push: the camera POSTs its pictures.',
      }),
    ),
    uri: Type.Optional(
      Type.String({
        description:
          'Address of the camera, or path of a file on its node. Never contains a password: see secretRef.',
        minLength: 1,
        maxLength: 2048,
      }),
    ),
    secretRef: Type.Optional(SecretRef),
    tls: Type.Optional(Tls),
    push: Type.Optional(Push),
    startTime: Type.Optional(
      dateTime({
        description:
          'Files: the time at which the first picture was taken. When left out, the clock starts when the file is opened.',
      }),
    ),
    transport: choice(['TCP', 'UDP'], { description: 'RTSP: how media packets travel.', default: 'TCP' }),
    realtime: Type.Boolean({
      description: 'Files: play at the pace of the recording instead of as fast as the node can.',
      default: false,
    }),
  },
  { description: 'Where the pictures come from.' },
);

export type CameraSource = Static<typeof sourceFields>;
export type SourceType = NonNullable<CameraSource['type']>;

/** The type as given, or as it follows from uri. */
export function sourceTypeOf(source: Pick<CameraSource, 'type' | 'uri'>): SourceType {
  if (source.type !== undefined) return source.type;
  if (source.uri === undefined) return 'Push';
  if (/^rtsps?:\/\//.test(source.uri)) return 'RTSP';
  return /^https?:\/\//.test(source.uri) ? 'HTTP' : 'File';
}

export const Source = withRules(sourceFields, [
  {
    rule: "has(self.uri) || !has(self.type) || self.type == 'Push'",
    message: 'uri is missing: give the address of the camera or the path of the file, or set type: Push',
    check: (source) => source.uri !== undefined || source.type === undefined || source.type === 'Push',
  },
  {
    rule: "!has(self.uri) || !has(self.type) || self.type != 'Push'",
    message: 'a camera of type Push has no uri: it POSTs its pictures; remove uri or change type',
    check: (source) => source.uri === undefined || source.type !== 'Push' || ['uri'],
  },
  {
    rule: "!has(self.uri) || !has(self.type) || self.type != 'RTSP' || self.uri.matches('^rtsps?://')",
    message: 'the uri of an RTSP camera must start with rtsp:// or rtsps://',
    check: (source) => source.type !== 'RTSP' || !source.uri || /^rtsps?:\/\//.test(source.uri) || ['uri'],
  },
  {
    rule: "!has(self.uri) || !has(self.type) || self.type != 'HTTP' || self.uri.matches('^https?://')",
    message: 'the uri of an HTTP camera must start with http:// or https://',
    check: (source) => source.type !== 'HTTP' || !source.uri || /^https?:\/\//.test(source.uri) || ['uri'],
  },
  {
    rule: "!has(self.uri) || (has(self.type) && self.type != 'File') || self.uri.matches('^(rtsps?|https?|file)://') || !self.uri.contains('://')",
    message:
      'the scheme of uri is not known: use rtsp://, rtsps://, http://, https://, file:// or a plain path',
    check: (source) =>
      source.uri === undefined ||
      (source.type !== undefined && source.type !== 'File') ||
      /^(rtsps?|https?|file):\/\//.test(source.uri) ||
      !source.uri.includes('://') || ['uri'],
  },
  {
    rule: "!has(self.uri) || !has(self.type) || self.type != 'File' || !self.uri.matches('^(rtsps?|https?)://')",
    message: 'the uri of a File is a path or a file:// address; for a network camera change type',
    check: (source) =>
      source.type !== 'File' || !source.uri || !/^(rtsps?|https?):\/\//.test(source.uri) || ['uri'],
  },
  {
    rule: "!has(self.push) || (has(self.type) ? self.type == 'Push' : !has(self.uri))",
    message:
      'push counts only for a camera that POSTs its pictures: remove it, or remove uri and set type: Push',
    check: (source) => source.push === undefined || sourceTypeOf(source) === 'Push' || ['push'],
  },
  {
    rule: "!has(self.tls) || (has(self.uri) && self.uri.matches('^(rtsps|https)://'))",
    message: 'tls counts only for addresses that begin with rtsps:// or https://: remove it or change uri',
    check: (source) => source.tls === undefined || /^(rtsps|https):\/\//.test(source.uri ?? '') || ['tls'],
  },
  {
    rule: "!has(self.uri) || !self.uri.matches('^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@')",
    message: 'uri contains a user name or password: put them in a Secret and name it in secretRef',
    check: (source) => !source.uri || !/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*@/.test(source.uri) || ['uri'],
  },
]);
