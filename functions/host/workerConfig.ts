// Reads the file that says what this worker is (config/worker.ts); main.ts calls it before anything starts.
import { readFileSync } from 'node:fs';
import { Type } from '@sinclair/typebox';
import { ConfigError, pathText } from '../../config/validation/configError.ts';
import { createValidator } from '../../config/validation/validator.ts';
import { stageNames } from '../../config/worker.ts';
import type { TSchema } from '@sinclair/typebox';
import type { WorkerConfig } from '../../config/worker.ts';

const name = Type.String({ minLength: 1, maxLength: 253 });
const fraction = Type.Number({ minimum: -1, maximum: 1 });
const positive = Type.Number({ exclusiveMinimum: 0 });
const params = Type.Record(Type.String(), Type.Number());
const oneOf = <T extends string>(choices: readonly T[]) => Type.Unsafe<T>({ type: 'string', enum: choices });

const camera = Type.Object({
  id: name,
  source: Type.Object({
    type: oneOf(['RTSP', 'HTTP', 'File', 'Push']),
    uri: Type.Optional(Type.String({ minLength: 1 })),
    startTime: Type.Optional(Type.Number()),
    realtime: Type.Boolean(),
    usernameEnv: Type.Optional(name),
    passwordEnv: Type.Optional(name),
    transport: oneOf(['TCP', 'UDP']),
    tls: Type.Optional(
      Type.Object({
        verification: oneOf(['Full', 'None']),
        caFileEnv: Type.Optional(name),
        serverName: Type.Optional(name),
      }),
    ),
    push: Type.Optional(
      Type.Object({
        tokenFileEnv: Type.Optional(name),
        picturesPerSecond: positive,
        origins: Type.Array(name),
      }),
    ),
  }),
  fps: Type.Optional(positive),
  homography: Type.Optional(Type.Array(Type.Number(), { minItems: 9, maxItems: 9 })),
  mask: Type.Array(Type.Object({ name, points: Type.Array(Type.Number(), { minItems: 6 }) })),
});

const model = Type.Object({
  name,
  task: oneOf(['detect', 'embed']),
  uri: Type.String({ minLength: 1 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  input: Type.Object({
    width: Type.Integer({ minimum: 1 }),
    height: Type.Integer({ minimum: 1 }),
    resize: oneOf(['letterbox', 'stretch']),
  }),
  scoreThreshold: Type.Optional(fraction),
  nmsIou: Type.Optional(fraction),
  dimensions: Type.Optional(Type.Integer({ minimum: 1 })),
  sameThreshold: Type.Optional(fraction),
  margin: Type.Optional(fraction),
});

const match = Type.Object({
  acrossCamera: Type.Boolean(),
  mode: oneOf(['SingleObject', 'MultiObject']),
  threshold: Type.Optional(fraction),
  margin: Type.Optional(fraction),
  votes: Type.Integer({ minimum: 1 }),
  unknownBelow: Type.Optional(fraction),
  overlaps: Type.Array(Type.Object({ cameras: Type.Tuple([name, name]) })),
  travel: Type.Array(
    Type.Object({
      from: name,
      to: name,
      minS: Type.Number({ minimum: 0 }),
      maxS: Type.Number({ minimum: 0 }),
    }),
  ),
  targets: Type.Array(Type.Object({ name, images: Type.Array(Type.String({ minLength: 1 })) })),
  contacts: Type.Optional(
    Type.Object({
      method: oneOf(['GroundPlane', 'Ellipse']),
      distanceM: positive,
      minimumS: Type.Number({ minimum: 0 }),
    }),
  ),
  batching: Type.Optional(
    Type.Object({ maxEvents: Type.Integer({ minimum: 1 }), maxWaitMs: Type.Integer({ minimum: 0 }) }),
  ),
  retentionS: Type.Optional(positive),
  vectorsS: Type.Optional(positive),
  params,
});

const url = 'https?://[^ ]+';
const receiver = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const texts = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^ *>]+$' });

const jetstream = Type.Object({
  url: Type.String({ pattern: '^(nats|tls)://[^ /@]+$' }),
  stream: texts,
  subjects: texts,
  maxBytes: Type.Integer({ minimum: 1 }),
  maxAgeS: positive,
  replicas: Type.Integer({ minimum: 1, maximum: 5 }),
  domain: Type.Optional(texts),
  leaves: Type.Array(texts),
  receiver: Type.Optional(Type.String({ pattern: `^${receiver}$` })),
});

const fields = {
  task: Type.Object({ name, namespace: name, uid: Type.String(), generation: Type.Integer({ minimum: 0 }) }),
  worker: name,
  node: name,
  stages: Type.Array(oneOf(stageNames), { minItems: 1, uniqueItems: true }),
  cameras: Type.Array(camera),
  models: Type.Object({ detect: Type.Optional(model), embed: Type.Optional(model) }),
  detect: Type.Object({ threads: Type.Integer({ minimum: 1 }), params }),
  embed: Type.Object({ threads: Type.Integer({ minimum: 1 }), intervalS: positive, params }),
  match,
  sinks: Type.Record(Type.String(), Type.String({ pattern: `^(${url}( ${url})*|nats:${receiver})$` })),
  shards: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Array(Type.Object({ url: Type.String({ pattern: `^${url}$` }), cameras: Type.Array(name) })),
    ),
  ),
  broker: Type.Optional(Type.String({ pattern: `^${url}$` })),
  jetstream: Type.Optional(jetstream),
  direct: Type.Optional(Type.Record(Type.String(), Type.String({ pattern: `^${url}( ${url})*$` }))),
  group: Type.Optional(name),
  resultsFolder: Type.Optional(Type.String({ minLength: 1 })),
  outbox: Type.Optional(
    Type.Object({
      folder: Type.String({ minLength: 1 }),
      maxBytes: Type.Integer({ minimum: 1 }),
      maxAgeS: positive,
      types: Type.Array(name),
    }),
  ),
  storeFolder: Type.Optional(Type.String({ minLength: 1 })),
  timing: Type.Optional(
    Type.Object({
      mode: oneOf(['OnTheFly', 'History', 'Both']),
      window: Type.Optional(
        Type.Object({ startS: Type.Optional(Type.Number()), endS: Type.Optional(Type.Number()) }),
      ),
    }),
  ),
  classes: Type.Array(Type.String()),
} satisfies Record<keyof WorkerConfig, TSchema>;

const check = createValidator(Type.Object(fields));

/**
 * The configuration in `path`, checked; its stages come in the order of the chain.
 * @throws ConfigError with all problems
 */
export function readWorkerConfig(path: string): WorkerConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigError([`MEI_WORKER_CONFIG: cannot read ${path}: ${(cause as Error).message}`], { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError([`${path}: is not JSON: ${(cause as Error).message}`], { cause });
  }
  return checkWorkerConfig(value, path);
}

/** @throws ConfigError with all problems, each beginning with `origin` */
export function checkWorkerConfig(value: unknown, origin: string): WorkerConfig {
  const { value: checked, problems } = check(value);
  if (checked === undefined)
    throw new ConfigError(problems.map(({ path, message }) => `${origin}: ${pathText(path)}: ${message}`));
  const config = checked as WorkerConfig;
  return { ...config, stages: stageNames.filter((stage) => config.stages.includes(stage)) };
}
