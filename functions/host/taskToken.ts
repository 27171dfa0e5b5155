// What the workers of a task know each other by: shown with every event that goes to another worker, asked of every event that
// comes. worker.ts makes it from the file that the controller's Secret, or `mei run`, fills.
import { HttpError } from './answers.ts';
import { digestOfToken } from '../tokens.ts';
import { TokenFile } from './tokenFile.ts';
import { TransientError } from '../function.ts';
import type { RequestHandler } from 'express';
import type { WorkerConfig } from '../../config/worker.ts';
import type { Tokens } from '../../delivery/sink.ts';
import type { Log } from '../function.ts';

export interface TaskTokenOptions {
  /** One token a line, the one to show first in front. */
  file: string;
  /** False: whoever comes may send, such as a Broker, which shows none. */
  isAsked: boolean;
}

/**
 * What is shown to whoever is at this URL. Only workers of the task are shown something: a Broker, or whatever else events are
 * sent to, has no use for it. They may ask before this worker has a token at all, as during an upgrade: then nothing is shown, and
 * 401 passes.
 */
export function tokensFor(
  token: TaskToken | undefined,
  { sinks, shards = {}, broker, direct = {} }: WorkerConfig,
  url: string,
): Tokens | undefined {
  const own = [
    ...Object.values(sinks),
    ...Object.values(direct),
    ...Object.values(shards).flatMap((parts) => parts.map((part) => part.url)),
  ];
  return url !== broker && own.includes(url) ? () => token?.tokens ?? [] : undefined;
}

/** Where the worker that takes events of a type is asked over HTTP; of several, the first. */
export function directAddress(
  { sinks, direct }: Pick<WorkerConfig, 'sinks' | 'direct'>,
  type: string,
): string | undefined {
  return (direct?.[type] ?? sinks[type])?.split(' ')[0];
}

const logEveryMs = 60_000;
const challenge = { 'www-authenticate': 'Bearer realm="task"' };

export class TaskToken {
  readonly #file: TokenFile;
  readonly #options: TaskTokenOptions;
  readonly #log: Log;
  #loggedMs = -Infinity;

  constructor(options: TaskTokenOptions, log: Log) {
    this.#options = options;
    this.#file = new TokenFile(options.file);
    this.#log = log;
  }

  get tokens(): readonly string[] {
    return this.#file.tokens;
  }

  /** Refuses strangers before the body is read. */
  readonly admit: RequestHandler = (request, _response, next) => {
    if (this.#options.isAsked) this.#check(request.headers.authorization);
    next();
  };

  /** @throws HttpError 401, TransientError while the file cannot be read */
  #check(authorization: string | undefined): void {
    const token = /^Bearer +([\x21-\x7e]{1,1024}) *$/i.exec(authorization ?? '')?.[1];
    if (token !== undefined && this.#file.holds(digestOfToken(token))) return;
    const { problem } = this.#file;
    if (problem !== undefined) {
      this.#note(`the token of the task cannot be read: ${problem}`);
      throw new TransientError('the token of the task cannot be read', { retryAfterMs: 5000 });
    }
    const reason =
      token === undefined
        ? 'events are taken only with the token of the task'
        : 'the token is not that of the task';
    this.#note(reason);
    throw new HttpError(401, reason, challenge);
  }

  /** Strangers decide how often this happens, so it is not logged as often. */
  #note(reason: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#loggedMs < logEveryMs) return;
    this.#loggedMs = nowMs;
    this.#log.warn({ reason }, 'events refused');
  }
}
