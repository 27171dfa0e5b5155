// What HTTP and JetStream have in common for whoever sends: the outbox brings what it keeps, emit.ts posts what is handed on at once.
import { setTimeout as delay } from 'node:timers/promises';
import { PermanentError, TransientError } from '../config/errors.ts';
import type { HttpMessage } from './binding.ts';
import type { EventRow } from './eventRows.ts';

/** What became of one try. `status` is that of the answer, in the numbers of HTTP; absent when none came. */
export type Outcome =
  | { kind: 'accepted' }
  | { kind: 'refused'; status: number; detail: string }
  | { kind: 'later'; status?: number; retryAfterMs: number; detail: string; error?: Error };

/** A way to one receiver. */
export interface Way {
  /** One try with an event in binary mode; never rejects. */
  attempt(message: HttpMessage): Promise<Outcome>;
  /** One try with events in their order; accepted when the receiver has all of them. Never rejects. */
  bring(events: readonly EventRow[]): Promise<Outcome>;
  /**
   * Tries until the receiver has the event; `onRetry` hears the cause of each repeated try: a status, or `connection`, and what was said.
   * @throws RefusedError when it refuses; TransientError when the deadline passes first
   */
  post(message: HttpMessage, onRetry: (cause: string, detail: string) => void): Promise<void>;
  close(): Promise<void>;
}

/** The way to an address; undefined: it is one of HTTP. */
export type OpenWay = (address: string, times: RetryTimes, stopped: AbortSignal) => Way | undefined;

export interface RetryTimes {
  /** For one try, answer included. */
  timeoutMs: number;
  /** For all tries of one event. */
  deadlineMs: number;
  firstDelayMs: number;
  longestDelayMs: number;
}

/** The receiver will never take the event: `status` is its answer. */
export class RefusedError extends PermanentError {
  override name = 'RefusedError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** `post` of a way. @param address for messages */
export async function tryUntilTaken(
  attempt: () => Promise<Outcome>,
  address: string,
  times: RetryTimes,
  stopped: AbortSignal,
  onRetry: (cause: string, detail: string) => void,
): Promise<void> {
  const started = performance.now();
  for (let tries = 1; ; tries++) {
    const outcome = await attempt();
    if (outcome.kind === 'accepted') return;
    if (outcome.kind === 'refused')
      throw new RefusedError(
        outcome.status,
        `${address} refuses the event: ${outcome.status} ${outcome.detail}`,
      );
    const waitMs = Math.max(backoffMs(times, tries), outcome.retryAfterMs);
    if (stopped.aborted || performance.now() - started + waitMs > times.deadlineMs)
      throw giveUp(address, outcome);
    onRetry(String(outcome.status ?? 'connection'), outcome.detail);
    await delay(waitMs, undefined, { signal: stopped }).catch(() => undefined);
  }
}

/** Doubles from the first delay to the longest, with jitter, so that senders who lost one receiver come back one by one. */
export function backoffMs(
  { firstDelayMs, longestDelayMs }: Pick<RetryTimes, 'firstDelayMs' | 'longestDelayMs'>,
  tries: number,
): number {
  return Math.min(firstDelayMs * 2 ** (tries - 1), longestDelayMs) * (0.5 + Math.random() / 2);
}

function giveUp(address: string, { status, detail, error }: Outcome & { kind: 'later' }): TransientError {
  const reason = status === undefined ? detail : `${status} ${detail}`;
  return new TransientError(`${address} does not take the event: ${reason}`, error ? { cause: error } : {});
}
