// The two errors that the controller's parts tell each other about: what can never work, and what may work later.

/** It cannot succeed until somebody changes something: shown in a condition, tried again only slowly. */
export class PermanentError extends Error {
  override name = 'PermanentError';
}

/** It may succeed later: tried again with backoff, not before `retryAfterMs`. */
export class TransientError extends Error {
  override name = 'TransientError';
  readonly retryAfterMs: number | undefined;
  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options);
    this.retryAfterMs = options?.retryAfterMs;
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
