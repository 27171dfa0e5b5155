// What the controller's parts tell each other about failures: the two kinds all share, and the API server's own.
import { TransientError } from '../config/errors.ts';
export { PermanentError, TransientError } from '../config/errors.ts';

/** The cluster lacks something that the task asks for; it may be installed at any time. */
export class LackError extends TransientError {
  override name = 'LackError';
  /** One word for the condition. */
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What the API server answered instead of success. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  /** Kubernetes' word for it, such as Conflict, Expired or Invalid; empty when the answer was no Status object. */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** The same request would be refused again. */
  get isPermanent(): boolean {
    return [400, 405, 413, 415, 422].includes(this.status);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
