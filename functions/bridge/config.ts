// Reads the file of `mei bridge`: which console it follows, and where it hands on what that tells.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Type, type Static } from '@sinclair/typebox';
import { atomicList, choice, label, listMap } from '../../config/schema/fields.ts';
import { ConfigError } from '../../config/validation/configError.ts';
import { createValidator } from '../../config/validation/validator.ts';
import { readYaml } from '../../config/validation/yamlSource.ts';

export const kinds = ['assigned', 'merged', 'split', 'sighted', 'contact', 'erased'] as const;

const text = (description: string, pattern: string, hint: string, more: object = {}) =>
  Type.String({ description, pattern, hint, minLength: 1, maxLength: 2048, ...more });
const file = (description: string) =>
  text(description, '^[^\\u0000]+$', 'the path of a file, relative to this one');

const Webhook = Type.Object(
  {
    name: label({ description: 'Name of the receiver, for logs and its outbox.' }),
    url: text('Where events are POSTed.', '^https?://[^ @]+$', 'such as https://alarms.example/people'),
    tokenFile: Type.Optional(file('Its first line is shown as a bearer token.')),
    origin: Type.Optional(
      text(
        'Host name by which the bridge asks for permission (OPTIONS) before it sends; when left out it does not ask.',
        '^[A-Za-z0-9]([-.A-Za-z0-9]{0,251}[A-Za-z0-9])?$',
        'such as bridge.example',
      ),
    ),
    kinds: atomicList(choice(kinds, { description: 'A kind of change.' }), {
      description: 'What is sent.',
      maxItems: kinds.length,
      default: [...kinds],
    }),
  },
  { description: 'A receiver of CloudEvents.' },
);

const Mqtt = Type.Object(
  {
    url: text('The broker.', '^mqtts?://[^ @/]+$', 'such as mqtts://broker.example:8883'),
    usernameFile: Type.Optional(file('Its first line is the user name.')),
    passwordFile: Type.Optional(file('Its first line is the password.')),
    caFile: Type.Optional(file('Authorities that count for mqtts; when left out: the public ones.')),
    prefix: text('First part of all topics.', '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$', 'such as mei', {
      default: 'mei',
    }),
    homeAssistant: Type.Boolean({
      description: 'Announces cameras, people and targets to Home Assistant.',
      default: true,
    }),
    discoveryPrefix: text('Where Home Assistant looks.', '^[A-Za-z0-9_-]+$', 'such as homeassistant', {
      default: 'homeassistant',
    }),
  },
  { description: 'An MQTT broker.' },
);

const Bridge = Type.Object(
  {
    console: Type.Object(
      {
        url: text(
          'Address of the console of a task.',
          '^https?://[^ @]+$',
          'such as http://127.0.0.1:8421/console/',
        ),
        tokenFile: Type.Optional(file('Its first line is the token of an account with the role view.')),
      },
      { description: 'The console whose stream is followed.' },
    ),
    stateFolder: text('Keeps what is not delivered yet.', '^[^\\u0000]+$', 'the path of a folder', {
      default: 'bridge-state',
    }),
    webhooks: listMap(Webhook, 'name', { description: 'Receivers over HTTP.', maxItems: 32, default: [] }),
    mqtt: Type.Optional(Mqtt),
  },
  { description: 'What mei bridge hands on.' },
);

export type BridgeConfig = Static<typeof Bridge>;
export type WebhookConfig = Static<typeof Webhook>;
export type MqttConfig = Static<typeof Mqtt>;

const check = createValidator(Bridge);

/** Paths become absolute. @throws ConfigError with every problem and its line */
export function readBridgeConfig(path: string): BridgeConfig {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${message}`;
    throw new ConfigError([`${path}: ${why}`], { cause });
  }
  const source = readYaml(content, path, 'a bridge');
  const { value, problems } = check(source.value);
  if (value === undefined) throw new ConfigError(source.describe(problems));
  if (value.webhooks.length === 0 && !value.mqtt)
    throw new ConfigError([`${path}: nothing is handed on: name webhooks, or an mqtt broker`]);
  return withAbsolutePaths(value, dirname(resolve(path)));
}

function withAbsolutePaths(config: BridgeConfig, folder: string): BridgeConfig {
  const absolute = <T extends object>(part: T): T =>
    Object.fromEntries(
      Object.entries(part).map(([name, value]) => [
        name,
        name.endsWith('File') || name === 'stateFolder' ? resolve(folder, String(value)) : (value as unknown),
      ]),
    ) as T;
  return {
    ...absolute(config),
    console: absolute(config.console),
    webhooks: config.webhooks.map(absolute),
    ...(config.mqtt && { mqtt: absolute(config.mqtt) }),
  };
}

/** The first line of a file that a Secret fills. @throws ConfigError that names the file and nothing of what is in it */
export function secretIn(path: string): string {
  try {
    const line = readFileSync(path, 'utf8').split('\n', 1)[0]!.trim();
    if (line !== '') return line;
  } catch (cause) {
    throw new ConfigError([`${path}: cannot be read: ${(cause as NodeJS.ErrnoException).code}`], { cause });
  }
  throw new ConfigError([`${path}: its first line is empty`]);
}
