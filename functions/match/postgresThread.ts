// A thread that speaks with a PostgreSQL server for another one, which waits for its answers: postgresLink.ts starts it.
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import pg from 'pg';
import { filled, templateOf, type Template } from './dialect.ts';
import { Connection, StoreTrouble, type ConnectionOptions, type Session } from './postgresConnection.ts';

export interface Sent {
  sql: string;
  values: readonly unknown[];
}

/** Statements that are sent together; the first that fails is the last. */
export interface Question {
  number: number;
  statements: Sent[];
  /** Of the connection on which the transaction under way began. */
  session?: number;
  /** Whether the rows of the last statement are wanted. */
  wantsRows: boolean;
  /** For a connection to be made. */
  waitMs: number;
}

/** Work that takes long, on a connection of its own; asked again for how it goes. */
export interface LongQuestion {
  number: number;
  work: string;
}

export type Reply = { number: number } & (
  | { session: number; counts: number[]; rows: unknown[] }
  | { isDone: boolean }
  | { trouble: { message: string; code: string; isLost: boolean; wasSent: boolean } }
);

export interface ThreadData {
  options: ConnectionOptions;
  port: MessagePort;
  /** Set to 1 whenever there is an answer. */
  signal: Int32Array;
}

const { options, port, signal } = workerData as ThreadData;
const connection = new Connection(options);
const templates = new Map<string, Template>();
/** Statements whose text is made once; those with lists of values are many. */
const mostTemplates = 500;
/** What the server should have said before, but for a connection on which nothing arrives any more. */
const graceMs = 5000;

function textOf({ sql, values }: Sent): string {
  let template = templates.get(sql);
  if (!template) {
    if (templates.size >= mostTemplates) templates.clear();
    templates.set(sql, (template = templateOf(sql)));
  }
  return filled(template, values, pg.escapeLiteral);
}

async function answer(question: Question): Promise<Reply> {
  const { number, statements, session: begun, wantsRows, waitMs } = question;
  let wasSent = false;
  let session: Session | undefined;
  try {
    const text = statements.map(textOf).join(';\n');
    session = await connection.session(waitMs);
    if (begun !== undefined && begun !== session.number)
      throw new StoreTrouble('the connection to the store was lost within a transaction', { isLost: true });
    wasSent = true;
    const results = await inTime(session, text);
    const last = results.at(-1);
    return {
      number,
      session: session.number,
      counts: results.map(({ rowCount }) => rowCount ?? 0),
      rows: wantsRows && last ? last.rows : [],
    };
  } catch (error) {
    const { message, code, isLost } = session ? connection.troubleOf(error, session) : troubleOf(error);
    // Otherwise all that comes later would be refused, or would count as part of it.
    if (session && wasSent && !isLost) await inTime(session, 'ROLLBACK').catch(() => connection.drop());
    return { number, trouble: { message, code, isLost, wasSent } };
  }
}

function troubleOf(error: unknown): StoreTrouble {
  if (error instanceof StoreTrouble) return error;
  const { message, code = '' } = error as Error & { code?: string };
  return new StoreTrouble(message, { code });
}

async function inTime({ client }: Session, text: string): Promise<pg.QueryResult[]> {
  const timer = setTimeout(() => connection.drop(), options.statementTimeoutMs + graceMs);
  try {
    // Without values the server takes several statements at a time, and answers all of them at once.
    const results = (await client.query(text)) as pg.QueryResult | pg.QueryResult[];
    return Array.isArray(results) ? results : [results];
  } finally {
    clearTimeout(timer);
  }
}

const underWay = new Map<string, 'running' | 'done' | StoreTrouble>();

function answerLong({ number, work }: LongQuestion): Reply {
  const state = underWay.get(work);
  if (state === undefined) {
    underWay.set(work, 'running');
    void doLong(work).then((end) => underWay.set(work, end));
  } else if (state !== 'running') {
    underWay.delete(work);
    if (state !== 'done') {
      const { message, code, isLost } = state;
      return { number, trouble: { message, code, isLost, wasSent: true } };
    }
  }
  return { number, isDone: state === 'done' };
}

async function doLong(work: string): Promise<'done' | StoreTrouble> {
  let client: pg.Client | undefined;
  try {
    client = await connection.another();
    await client.query(work);
    return 'done';
  } catch (error) {
    return troubleOf(error);
  } finally {
    await client?.end().catch(() => undefined);
  }
}

function say(reply: Reply): void {
  port.postMessage(reply);
  Atomics.store(signal, 0, 1);
  Atomics.notify(signal, 0);
}

port.on('message', (question: Question | LongQuestion) => {
  if ('work' in question) say(answerLong(question));
  else void answer(question).then(say);
});
parentPort!.on('message', () => {
  port.close();
  parentPort!.close();
  void connection.end().catch(() => undefined);
});
