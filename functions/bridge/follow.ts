// Follows the stream of a console over HTTP, for bridge.ts: again and again, from where it was cut.
import { setTimeout as sleep } from 'node:timers/promises';
import type { IdentityChange } from '../../config/events.ts';
import type { TaskView } from '../console/types.ts';
import type { Log } from '../function.ts';

export interface FollowOptions {
  /** Of the console, with a slash at its end. */
  url: string;
  token?: () => string;
  /** Number of the last changes that were taken; undefined: begin with what comes. */
  lastId: string | undefined;
  signal: AbortSignal;
  /** Must not reject; the next part of the stream waits for it. */
  onTask: (view: TaskView) => Promise<void>;
  /** After it has resolved they are not asked for again. A rejection is as good as a cut. */
  onChanges: (id: string, changes: IdentityChange[]) => Promise<void>;
  /** Where the stream goes on without changes: from here. */
  onPosition: (id: string) => void;
  log: Log;
  times?: Partial<FollowTimes>;
}

interface FollowTimes {
  firstRetryMs: number;
  longestRetryMs: number;
  /** The console says something every ten seconds. */
  silenceMs: number;
}

const usualTimes: FollowTimes = { firstRetryMs: 500, longestRetryMs: 30_000, silenceMs: 35_000 };
/** One part of the stream; a task with many cameras is a fraction of it. */
const longestPart = 8 << 20;

/** Resolves when `signal` aborts. */
export async function follow(options: FollowOptions): Promise<void> {
  const { signal, log } = options;
  const times = { ...usualTimes, ...options.times };
  const state = { lastId: options.lastId };
  let told: string | undefined;
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      await followOnce(options, state, times.silenceMs, () => {
        if (failures > 0 || told === undefined) log.info({ url: options.url }, 'console followed');
        failures = 0;
        told = '';
      });
      throw new Error('it ended the stream');
    } catch (error) {
      if (signal.aborted) return;
      const reason = causeOf(error as Error);
      if (reason !== told) log.warn({ url: options.url, reason }, 'console lost');
      told = reason;
      const waitMs = Math.min(times.firstRetryMs * 2 ** Math.min(failures, 16), times.longestRetryMs);
      await sleep(waitMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    }
  }
}

async function followOnce(
  options: FollowOptions,
  state: { lastId: string | undefined },
  silenceMs: number,
  onOpen: () => void,
): Promise<void> {
  const silent = new AbortController();
  const watchdog = setTimeout(
    () => silent.abort(new Error(`no sign of life for ${silenceMs} ms`)),
    silenceMs,
  );
  try {
    const token = options.token?.();
    const response = await fetch(new URL('api/stream', options.url), {
      headers: {
        accept: 'text/event-stream',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(state.lastId !== undefined && { 'last-event-id': state.lastId }),
      },
      redirect: 'error',
      signal: AbortSignal.any([options.signal, silent.signal]),
    });
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw new Error(
        `it answers ${response.status}${response.status === 401 ? ': the token is not accepted' : ''}`,
      );
    }
    onOpen();
    for await (const part of partsOf(response.body, () => watchdog.refresh()))
      await take(part, options, state);
  } finally {
    clearTimeout(watchdog);
  }
}

interface Part {
  id: string | undefined;
  event: string;
  data: string;
}

async function take(
  { id, event, data }: Part,
  { onTask, onChanges, onPosition, log, url }: FollowOptions,
  state: { lastId: string | undefined },
): Promise<void> {
  if (event === 'task') await onTask(JSON.parse(data) as TaskView);
  else if (event === 'changes') {
    const changes = JSON.parse(data) as IdentityChange[];
    // Who was erased is told without a number, and once for each name.
    await onChanges(id ?? `erased-${changes[0]?.identity ?? ''}`, changes);
  } else if (event === 'reset') log.warn({ url, since: state.lastId }, 'changes missed');
  if (id === undefined) return;
  state.lastId = id;
  if (event !== 'changes') onPosition(id);
}

/** Server-sent events: fields until an empty line. */
async function* partsOf(body: AsyncIterable<Uint8Array>, onBytes: () => void): AsyncGenerator<Part> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    onBytes();
    rest += decoder.decode(chunk, { stream: true });
    const texts = rest.split('\n\n');
    rest = texts.pop()!;
    if (rest.length > longestPart)
      throw new Error(`a part of the stream is longer than ${longestPart} bytes`);
    for (const text of texts) {
      const fields = new Map(
        text.split('\n').map((line): [string, string] => {
          const at = line.indexOf(':');
          return [line.slice(0, at), line.slice(at + 1).replace(/^ /, '')];
        }),
      );
      const data = fields.get('data');
      if (data !== undefined) yield { id: fields.get('id'), event: fields.get('event') ?? 'message', data };
    }
  }
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
