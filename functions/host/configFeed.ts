// Newer configurations of this worker, from its node's local controller at once, and from the mounted file, which the kubelet
// refreshes. main.ts follows both; what is in force already, or older, reconfigure.ts ignores.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerConfig } from '../../config/worker.ts';
import type { Log } from '../function.ts';
import { checkWorkerConfig, readWorkerConfig } from './workerConfig.ts';

export interface FeedOptions {
  configPath: string;
  /** Address of the local controller; absent: there is none. */
  localControllerUrl?: string | undefined;
  log: Log;
  filePollMs?: number;
  retryMs?: number;
}

const waitS = 30;
const mostBytes = 8 << 20;
const firstAnswerMs = 2000;

/**
 * The newest configuration that can be had at the start: the local controller may know more than the file, and when it is
 * away the file does.
 * @throws ConfigError when neither can be used
 */
export async function firstConfig(options: FeedOptions): Promise<WorkerConfig> {
  const { configPath, localControllerUrl, log } = options;
  const fromFile = readWorkerConfig(configPath);
  if (localControllerUrl === undefined) return fromFile;
  try {
    const answer = await ask(localControllerUrl, fromFile, '', AbortSignal.timeout(firstAnswerMs));
    const { config } = answer ?? {};
    if (config?.task.uid === fromFile.task.uid && config.task.generation > fromFile.task.generation)
      return config;
  } catch (error) {
    log.info(
      { reason: reasonOf(error) },
      'no local controller answers: starting with the mounted configuration',
    );
  }
  return fromFile;
}

/** Calls `offer` with every other configuration until `signal` aborts. */
export function followConfig(
  options: FeedOptions,
  current: WorkerConfig,
  offer: (config: WorkerConfig) => void,
  signal: AbortSignal,
): Promise<unknown> {
  const { localControllerUrl } = options;
  return Promise.all([
    followFile(options, offer, signal),
    localControllerUrl === undefined
      ? undefined
      : followLocalController(options, localControllerUrl, current, offer, signal),
  ]);
}

/** The kubelet replaces the file as a whole; watching a link that is replaced loses it, reading does not. */
async function followFile(
  { configPath, log, filePollMs = 2000 }: FeedOptions,
  offer: (config: WorkerConfig) => void,
  signal: AbortSignal,
): Promise<void> {
  let seen = textOf(configPath);
  while (await pause(filePollMs, signal)) {
    const text = textOf(configPath);
    if (text === undefined || text === seen) continue;
    seen = text;
    try {
      offer(checkWorkerConfig(JSON.parse(text), configPath));
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'the mounted configuration cannot be used');
    }
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Gone for a moment, or for good: what is in force stays.
    return undefined;
  }
}

async function followLocalController(
  { log, retryMs = 1000 }: FeedOptions,
  url: string,
  current: WorkerConfig,
  offer: (config: WorkerConfig) => void,
  signal: AbortSignal,
): Promise<void> {
  let tag = '';
  let waitMs = retryMs;
  let isAway = false;
  while (!signal.aborted) {
    try {
      const timeout = AbortSignal.timeout((waitS + 10) * 1000);
      const answer = await ask(url, current, tag, AbortSignal.any([signal, timeout]));
      if (isAway) log.info({}, 'the local controller is back');
      isAway = false;
      waitMs = retryMs;
      if (!answer) continue;
      ({ tag } = answer);
      offer(answer.config);
    } catch (error) {
      if (signal.aborted) return;
      if (!isAway) log.warn({ reason: reasonOf(error) }, 'the local controller is away');
      isAway = true;
      await pause(waitMs * (0.5 + Math.random() / 2), signal);
      waitMs = Math.min(waitMs * 2, 15_000);
    }
  }
}

/** Undefined when there is no other one than `tag`, after waiting for it. */
async function ask(
  url: string,
  { worker, task }: WorkerConfig,
  tag: string,
  signal: AbortSignal,
): Promise<{ config: WorkerConfig; tag: string } | undefined> {
  const path = `/v1/workers/${encodeURIComponent(worker)}/config?uid=${encodeURIComponent(task.uid)}`;
  const headers = tag === '' ? {} : { 'if-none-match': tag, prefer: `wait=${waitS}` };
  const response = await fetch(new URL(path, url), { headers, redirect: 'error', signal });
  if (response.status === 304) return undefined;
  if (Number(response.headers.get('content-length') ?? 0) > mostBytes)
    throw new Error('its answer is too large');
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text.trim().slice(0, 200)}`);
  const config = checkWorkerConfig(JSON.parse(text), 'local controller');
  return { config, tag: response.headers.get('etag') ?? '' };
}

async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
