// Puts questions of config/queries/routes.ts to the store of a run, or to a match worker over HTTP: for search.ts and forget.ts.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readValues, routeOf } from '../config/queries/questions.ts';
import { matchWorkerOf } from '../functions/console/runSource.ts';
import {
  NotFoundError,
  PermanentError,
  TransientError,
  type Context,
  type Log,
} from '../functions/function.ts';
import { openArchiveAccess } from '../functions/match/archiveAccess.ts';
import { matchSettings } from '../functions/match/options.ts';
import { createPictureVectors } from '../functions/match/pictureVectors.ts';
import { createQueries, type Writes } from '../functions/match/queries.ts';
import { bringUpToDate } from '../functions/match/reader.ts';
import { storeFileName } from '../functions/match/store.ts';
import { exitCodes, UserError } from './userError.ts';

export interface Body {
  contentType: string;
  bytes: Uint8Array;
}

export interface Asked {
  /** @throws UserError with the answer's one line */
  ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, query?: URLSearchParams, body?: Body): Promise<T>;
  close(): Promise<void>;
}

export interface Where {
  out?: string;
  url?: string;
  tokenFile?: string;
}

const deadlineMs = 60_000;

/** @throws UserError unless exactly one of `out` and `url` is given, and it can be asked */
export async function openAsked({ out, url, tokenFile }: Where): Promise<Asked> {
  if ((out === undefined) === (url === undefined))
    throw new UserError(
      'name either the folder of a run with --out, or a match worker with --url',
      exitCodes.badInput,
    );
  return url === undefined ? openFolder(out!) : openUrl(url, tokenFile);
}

function openUrl(url: string, tokenFile: string | undefined): Asked {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UserError(`--url ${url}: must be an http:// or https:// address`, exitCodes.badInput);
  const base = url.replace(/\/+$/, '').replace(/\/api$/, '');
  const token = tokenFile === undefined ? process.env['MEI_TOKEN'] : readToken(tokenFile);
  return {
    async ask<T>(method: string, path: string, query = new URLSearchParams(), body?: Body): Promise<T> {
      const address = `${base}/api${path}${query.size > 0 ? `?${query.toString()}` : ''}`;
      const answer = await fetch(address, {
        method,
        redirect: 'error',
        signal: AbortSignal.timeout(deadlineMs),
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body && { 'content-type': body.contentType }),
        },
        ...(body && { body: Buffer.from(body.bytes) }),
      }).catch((cause: Error) => {
        const why = cause.cause instanceof Error ? cause.cause.message : cause.message;
        throw new UserError(`${base} does not answer: ${why}`, exitCodes.failed, { cause });
      });
      const value = (await answer.json().catch(() => ({}))) as { detail?: string };
      if (answer.ok) return value as T;
      throw new UserError(`${base}: ${value.detail ?? `status ${answer.status}`}`, exitCodes.failed);
    },
    close: async () => undefined,
  };
}

function readToken(path: string): string {
  try {
    const [token = ''] = readFileSync(path, 'utf8').trim().split(/\s/);
    return token;
  } catch (cause) {
    throw new UserError(`--token-file ${path}: ${(cause as Error).message}`, exitCodes.badInput, { cause });
  }
}

async function openFolder(out: string): Promise<Asked> {
  const folder = resolve(out);
  if (!existsSync(join(folder, storeFileName)))
    throw new UserError(
      `${out}: no results there: name the folder that \`mei run\` printed`,
      exitCodes.badInput,
    );
  const worker = await matchWorkerOf(folder).catch((cause: Error) => {
    throw new UserError(cause.message, exitCodes.badInput, { cause });
  });
  try {
    bringUpToDate(folder);
  } catch (cause) {
    throw new UserError((cause as Error).message, exitCodes.badInput, { cause });
  }
  const { embed } = worker.models;
  const settings = matchSettings(worker.match, embed);
  const archive = openArchiveAccess(folder);
  const answer = createQueries({
    archive,
    worker: () => worker,
    threshold: () => settings.threshold,
    pictures: embed && createPictureVectors(embed),
    writes: readOnly,
  });
  return {
    async ask<T>(method: string, path: string, query = new URLSearchParams(), body?: Body): Promise<T> {
      const { route, inPath } = routeOf(method, path)!;
      const { values, problems } = readValues(route, inPath, query);
      if (problems.length > 0) throw new UserError(problems.join('\nmei: '), exitCodes.badInput);
      const signal = AbortSignal.timeout(deadlineMs);
      const { contentType = '', bytes = new Uint8Array(0) } = body ?? {};
      const question = { name: route.id, values, contentType, body: bytes, signal };
      try {
        return (await answer(question, quietContext)) as T;
      } catch (cause) {
        const isKnown =
          cause instanceof NotFoundError ||
          cause instanceof PermanentError ||
          cause instanceof TransientError;
        if (!isKnown) throw cause;
        throw new UserError(`${out}: ${cause.message}`, exitCodes.failed, { cause });
      }
    },
    close: () => archive.close(),
  };
}

const refuse = () => Promise.reject(new PermanentError('the folder of a run is only read here'));
const readOnly: Writes = { erase: refuse, addTargetImage: refuse, removeTarget: refuse, targets: () => [] };

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const quietContext: Context = {
  emit: async () => undefined,
  log: quiet,
  now: Date.now,
  signal: new AbortController().signal,
};
