// Asks a PostgreSQL server and waits for the answer, as one waits for a file: a thread of its own speaks with the server, and this
// one stands still meanwhile. postgres.ts keeps one for each store. See docs/decisions/0014-a-store-on-a-server.md.
import { extname } from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { PermanentError, TransientError } from '../function.ts';
import type { ConnectionOptions } from './postgresConnection.ts';
import type { LongQuestion, Question, Reply, Sent } from './postgresThread.ts';
import { InDoubtError } from './termErrors.ts';

export interface LinkOptions extends ConnectionOptions {
  /** Arguments of node for the thread, e.g. a loader; by default those of this process. */
  threadArgv?: string[];
}

export interface Asked {
  statements: Sent[];
  session?: number | undefined;
  wantsRows: boolean;
  /** Whether what was sent stays, once the server has done it. */
  commits: boolean;
}

/** For the first connection; a later one is made while questions are refused. */
const firstWaitMs = 10_000;
const laterWaitMs = 300;
/** After everything that ends a question in time: the thread itself is in trouble. */
const graceMs = 15_000;
const retryAfterMs = 1000;

export class PostgresLink {
  readonly #thread: Worker;
  readonly #port;
  readonly #signal = new Int32Array(new SharedArrayBuffer(4));
  readonly #statementTimeoutMs: number;
  #asked = 0;
  #wasConnected = false;

  constructor({ threadArgv, ...options }: LinkOptions) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#statementTimeoutMs = options.statementTimeoutMs;
    const url = new URL(`./postgresThread${extname(import.meta.url)}`, import.meta.url);
    this.#thread = new Worker(url, {
      workerData: { options, port: port2, signal: this.#signal },
      transferList: [port2],
      ...(threadArgv && { execArgv: threadArgv }),
    });
    this.#thread.unref();
  }

  /** @throws TransientError with what to do; InDoubtError; PermanentError for values that the server cannot hold */
  ask({ commits, ...asked }: Asked): { session: number; counts: number[]; rows: unknown[] } {
    const waitMs = this.#wasConnected ? laterWaitMs : firstWaitMs;
    const question = { ...asked, waitMs, number: ++this.#asked } as Question;
    const reply = this.#wait(question, waitMs + this.#statementTimeoutMs + graceMs);
    if ('session' in reply) {
      this.#wasConnected = true;
      return reply;
    }
    if (!('trouble' in reply)) throw new Error('the answer is to another question');
    const { message, code, isLost, wasSent } = reply.trouble;
    if (isLost && wasSent && commits)
      throw new InDoubtError(`${message}: nobody knows yet whether it is stored`, { retryAfterMs });
    if (code.startsWith('22')) throw new PermanentError(message);
    throw new TransientError(message, { retryAfterMs });
  }

  /** Begins what takes long, or asks how it goes. @returns whether it is done @throws TransientError when it failed */
  askLong(work: string): boolean {
    const reply = this.#wait({ work, number: ++this.#asked }, graceMs);
    if ('trouble' in reply) throw new TransientError(reply.trouble.message, { retryAfterMs });
    return 'isDone' in reply && reply.isDone;
  }

  end(): void {
    this.#thread.postMessage('end');
    this.#port.close();
  }

  #wait(question: Question | LongQuestion, deadlineMs: number): Reply {
    const signal = this.#signal;
    const end = performance.now() + deadlineMs;
    this.#port.postMessage(question);
    for (;;) {
      Atomics.store(signal, 0, 0);
      const message = receiveMessageOnPort(this.#port) as { message: Reply } | undefined;
      // Answers that nobody waited for any more come first.
      if (message?.message.number === question.number) return message.message;
      if (message) continue;
      const leftMs = end - performance.now();
      if (leftMs <= 0)
        throw new TransientError('the thread that speaks with the store does not answer', { retryAfterMs });
      Atomics.wait(signal, 0, 0, leftMs);
    }
  }
}
