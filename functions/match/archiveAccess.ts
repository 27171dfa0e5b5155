// Asks the threads that read the store; queries.ts goes through here. A search is shared among them, all else is for the first.
// A question whose time is over ends them, because nothing else ends a search that is under way; the next question begins others.
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { NotFoundError, PermanentError, TransientError } from '../function.ts';
import type { Values } from '../../config/queries/questions.ts';
import type { ArchiveScope } from './archive.ts';
import type { ArchiveReply, ArchiveRequest } from './archiveThread.ts';
import type { StorePlace } from './database.ts';
import type { Part, PartResult } from './resemblance.ts';

export interface ArchiveAccess {
  /** @throws NotFoundError, PermanentError, TransientError */
  ask<T>(ask: ArchiveRequest['ask'], scope: ArchiveScope, values: Values, signal: AbortSignal): Promise<T>;
  close(): Promise<void>;
}

interface Waiting {
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
}

type Ask = ArchiveRequest['ask'];

/** Each needs the memory of a block of vectors; the matcher needs a processor too. */
const usualThreads = Math.min(2, availableParallelism());

/**
 * @param execArgv arguments of node for the threads, e.g. a loader; by default those of this process
 * @param count threads that share a search
 */
export function openArchiveAccess(
  place: StorePlace,
  execArgv?: string[],
  count = usualThreads,
): ArchiveAccess {
  const waiting = new Map<number, Waiting>();
  const threads: (Worker | undefined)[] = Array.from({ length: count }, () => undefined);
  let asked = 0;
  let isClosed = false;

  function begin(index: number): Worker {
    const url = new URL(`./archiveThread${extname(import.meta.url)}`, import.meta.url);
    const begun = new Worker(url, {
      workerData: { place },
      ...(execArgv && { execArgv }),
    });
    begun.unref();
    begun.on('message', (reply: ArchiveReply) => {
      const { resolve, reject } = waiting.get(reply.number) ?? {};
      waiting.delete(reply.number);
      if ('answer' in reply) resolve?.(reply.answer);
      else reject?.(errorOf(reply.problem));
    });
    const ended = (cause?: unknown) => {
      if (threads[index] !== begun) return;
      threads[index] = undefined;
      giveUp(new TransientError('the search has ended early', { cause }));
    };
    begun.on('error', ended);
    begun.on('exit', () => ended());
    return begun;
  }

  function giveUp(error: Error): void {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  async function end(): Promise<void> {
    const last = threads.filter((thread) => thread !== undefined);
    threads.fill(undefined);
    giveUp(new TransientError('another question took too long: ask again'));
    await Promise.all(last.map((thread) => thread.terminate()));
  }

  async function searchTogether<T>(
    ask: Ask & { name: 'search' },
    scope: ArchiveScope,
    values: Values,
    signal: AbortSignal,
  ): Promise<T> {
    const shares = await askOne<Part[]>(0, { name: 'parts', most: count }, scope, values, signal);
    const parts = await Promise.all(
      shares.map((part, index) =>
        askOne<PartResult>(index, { ...ask, name: 'searchPart', part }, scope, values, signal),
      ),
    );
    const { threshold } = ask;
    return askOne<T>(0, { name: 'together', parts, threshold }, scope, values, signal);
  }

  function askOne<T>(
    index: number,
    ask: Ask,
    scope: ArchiveScope,
    values: Values,
    signal: AbortSignal,
  ): Promise<T> {
    if (isClosed) return Promise.reject(new TransientError('the worker is ending'));
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const number = ++asked;
    return new Promise<T>((resolve, reject) => {
      const over = () => {
        waiting.delete(number);
        reject(signal.reason as Error);
        void end();
      };
      const settle =
        <V>(then: (value: V) => void) =>
        (value: V) => {
          signal.removeEventListener('abort', over);
          then(value);
        };
      signal.addEventListener('abort', over, { once: true });
      waiting.set(number, {
        resolve: settle(resolve as (answer: unknown) => void),
        reject: settle(reject),
      });
      const thread = (threads[index] ??= begin(index));
      thread.postMessage({ number, ask, scope, values } satisfies ArchiveRequest);
    });
  }

  return {
    ask: <T>(ask: Ask, scope: ArchiveScope, values: Values, signal: AbortSignal): Promise<T> =>
      ask.name === 'search' && count > 1
        ? searchTogether<T>(ask, scope, values, signal)
        : askOne<T>(0, ask, scope, values, signal),
    async close() {
      isClosed = true;
      await end();
    },
  };
}

function errorOf({ name, message }: { name: string; message: string }): Error {
  if (name === 'NotFoundError') return new NotFoundError(message);
  if (name === 'PermanentError') return new PermanentError(message);
  if (name === 'TransientError') return new TransientError(message);
  return new TransientError(`the store cannot be read: ${message}`);
}
