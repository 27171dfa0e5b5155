// Reads the environment of a worker process; main.ts is its only caller, everything else gets the values.
import { ConfigError } from '../../config/validation/configError.ts';
import type { Attributes } from '../../delivery/attributes.ts';
import type { TaskTokenOptions } from './taskToken.ts';

export interface Settings {
  /** Path of the worker's configuration. */
  configPath: string;
  /** Address of the node's local controller. */
  localControllerUrl?: string;
  /** Path of a list of functions that replaces serverless.yml. */
  functionsPath?: string;
  /** 0: any free port. */
  port: number;
  host: string;
  reportIntervalMs: number;
  /** From the signal to the end, at most. */
  drainDeadlineMs: number;
  /** Between readyz 503 and refusing events: time for endpoints to learn of it. */
  drainGraceMs: number;
  /** Of the outbox: for one try, and between two at most. */
  delivery: { timeoutMs: number; longestDelayMs: number };
  defaultSink?: string;
  /** What workers of the task know each other by; absent: whoever reaches this one may send. */
  taskToken?: TaskTokenOptions;
  /** What a NATS server is shown, and certificates that count for it instead of the public authorities. */
  natsFiles: { credentialsFile?: string; caFile?: string };
  /** Path of the tokens of people who may ask questions about people. */
  queryTokensFile?: string;
  overrides: Attributes;
  /** Whether events come back in the answer to a request that asks for them; otherwise they are always sent on. */
  replies: boolean;
  /** A parent that holds the IPC channel decides when this process ends, also after Ctrl-C in its terminal. */
  followsParent: boolean;
  logLevel: string;
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * MEI_WORKER_CONFIG, MEI_LC_URL, MEI_FUNCTIONS, PORT, MEI_HOST, MEI_REPORT_INTERVAL_MS, MEI_DRAIN_DEADLINE_MS, MEI_DRAIN_GRACE_MS,
 * MEI_DELIVERY_TIMEOUT_MS, MEI_DELIVERY_RETRY_MS, MEI_TASK_TOKEN_FILE, MEI_TASK_TOKEN, MEI_NATS_CREDENTIALS_FILE, MEI_NATS_CA_FILE, K_SINK,
 * K_CE_OVERRIDES, MEI_QUERY_TOKENS_FILE, MEI_REPLIES, MEI_PARENT_IPC, MEI_LOG_LEVEL.
 * @throws ConfigError with all problems
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const problems: string[] = [];
  const whole = (name: string, otherwise: number, most: number) => {
    const value = env[name] === undefined || env[name] === '' ? otherwise : Number(env[name]);
    if (Number.isInteger(value) && value >= 0 && value <= most) return value;
    problems.push(`${name}: must be a whole number from 0 to ${most}, not ${JSON.stringify(env[name])}`);
    return otherwise;
  };
  const sink = env.K_SINK;
  if (sink && !isHttp(sink)) problems.push(`K_SINK: must be an http(s) URL, not ${JSON.stringify(sink)}`);
  const localControllerUrl = env.MEI_LC_URL && bracketed(env.MEI_LC_URL);
  if (localControllerUrl && !isHttp(localControllerUrl))
    problems.push(`MEI_LC_URL: must be an http(s) URL, not ${JSON.stringify(localControllerUrl)}`);
  if (!env.MEI_WORKER_CONFIG)
    problems.push('MEI_WORKER_CONFIG: must name the JSON file with the worker configuration');
  const logLevel = env.MEI_LOG_LEVEL ?? 'info';
  if (!levels.includes(logLevel)) problems.push(`MEI_LOG_LEVEL: must be one of ${levels.join(', ')}`);
  const asked = env.MEI_TASK_TOKEN || 'asked';
  if (asked !== 'asked' && asked !== 'shown') problems.push('MEI_TASK_TOKEN: must be asked or shown');
  const replies = env.MEI_REPLIES || 'asked';
  if (replies !== 'asked' && replies !== 'never') problems.push('MEI_REPLIES: must be asked or never');
  const settings: Settings = {
    configPath: env.MEI_WORKER_CONFIG ?? '',
    ...(localControllerUrl && { localControllerUrl }),
    ...(env.MEI_FUNCTIONS && { functionsPath: env.MEI_FUNCTIONS }),
    port: whole('PORT', 0, 65_535),
    host: env.MEI_HOST ?? '127.0.0.1',
    reportIntervalMs: whole('MEI_REPORT_INTERVAL_MS', 2000, 3_600_000),
    drainDeadlineMs: whole('MEI_DRAIN_DEADLINE_MS', 25_000, 3_600_000),
    drainGraceMs: whole('MEI_DRAIN_GRACE_MS', 0, 60_000),
    delivery: {
      timeoutMs: whole('MEI_DELIVERY_TIMEOUT_MS', 30_000, 600_000),
      longestDelayMs: whole('MEI_DELIVERY_RETRY_MS', 15_000, 3_600_000),
    },
    ...(sink && { defaultSink: sink }),
    ...(env.MEI_TASK_TOKEN_FILE && {
      taskToken: { file: env.MEI_TASK_TOKEN_FILE, isAsked: asked === 'asked' },
    }),
    natsFiles: {
      ...(env.MEI_NATS_CREDENTIALS_FILE && { credentialsFile: env.MEI_NATS_CREDENTIALS_FILE }),
      ...(env.MEI_NATS_CA_FILE && { caFile: env.MEI_NATS_CA_FILE }),
    },
    ...(env.MEI_QUERY_TOKENS_FILE && { queryTokensFile: env.MEI_QUERY_TOKENS_FILE }),
    overrides: overrides(env.K_CE_OVERRIDES, problems),
    replies: replies !== 'never',
    followsParent: env.MEI_PARENT_IPC === '1',
    logLevel,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

/** The kubelet puts a node's address into the URL as it is, and IPv6 needs brackets there. */
function bracketed(url: string): string {
  return url.replace(/^(https?:\/\/)([0-9a-f]*:[0-9a-f:]+):(\d+)(\/?)$/i, '$1[$2]:$3$4');
}

function isHttp(url: string) {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

/** `{"extensions": {"name": "value"}}`, as Knative's SinkBinding writes it. */
function overrides(text: string | undefined, problems: string[]): Attributes {
  if (!text) return {};
  try {
    const { extensions = {} } = JSON.parse(text) as { extensions?: Record<string, unknown> };
    const wrong = Object.entries(extensions).find(
      ([name, value]) => !/^[a-z0-9]+$/.test(name) || typeof value !== 'string',
    );
    if (!wrong) return extensions as Attributes;
    problems.push(`K_CE_OVERRIDES: extensions.${wrong[0]}: names consist of a-z and 0-9, values are texts`);
  } catch {
    problems.push('K_CE_OVERRIDES: is not JSON');
  }
  return {};
}
