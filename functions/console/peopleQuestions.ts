// How the console lets the matcher search by picture and erase people: workerConsole.ts asks the stage in its own process, the page
// of `mei run` asks the worker on this machine over HTTP.
import type { Erased, SearchResult } from '../../config/queries/answers.ts';
import type { Context, StageFunction } from '../function.ts';
import { HttpError } from '../host/answers.ts';
import { foundViews, mostFound } from './pictureSearch.ts';
import type { ConsoleSource } from './source.ts';

export type PeopleQuestions = Required<Pick<ConsoleSource, 'search' | 'erase'>>;

const deadlineMs = 60_000;

/** @param context of the stage */
export function questionsOfStage(
  answer: NonNullable<StageFunction['answer']>,
  context: Context,
): PeopleQuestions {
  const none = { contentType: '', body: new Uint8Array(0) };
  return {
    async search(body) {
      const question = {
        name: 'search' as const,
        values: { limit: mostFound },
        contentType: 'image/*',
        body,
      };
      return foundViews((await answer({ ...question, signal: deadline() }, context)) as SearchResult);
    },
    async erase(identity) {
      const question = { name: 'erase' as const, values: { identity }, ...none, signal: deadline() };
      return (await answer(question, context)) as Erased;
    },
  };
}

/** @param url of a worker that matches and answers this machine without a token */
export function questionsAt(url: string): PeopleQuestions {
  async function ask<T>(method: string, path: string, picture?: Uint8Array): Promise<T> {
    const answer = await fetch(new URL(`api/${path}`, url), {
      method,
      redirect: 'error',
      signal: deadline(),
      ...(picture && { body: Buffer.from(picture), headers: { 'content-type': typeOf(picture) } }),
    }).catch((cause: Error) => {
      throw new HttpError(503, `the worker that matches does not answer: ${cause.message}`);
    });
    const value = (await answer.json().catch(() => ({}))) as { detail?: string };
    if (!answer.ok) throw new HttpError(answer.status, value.detail ?? `it answered ${answer.status}`);
    return value as T;
  }
  return {
    search: async (picture) =>
      foundViews(await ask<SearchResult>('POST', `search?limit=${mostFound}`, picture)),
    erase: (identity) => ask<Erased>('DELETE', `identities/${encodeURIComponent(identity)}`),
  };
}

/** By its first byte; whoever decodes it looks closer. */
function typeOf(picture: Uint8Array): string {
  return picture[0] === 0xff ? 'image/jpeg' : picture[0] === 0x89 ? 'image/png' : 'image/webp';
}

function deadline(): AbortSignal {
  return AbortSignal.timeout(deadlineMs);
}
