// The two errors that every part of the project tells apart: what can never work, and what may work later.

/** It cannot succeed until somebody changes something: 422 to a sender and never retried, or a condition with this message. */
export class PermanentError extends Error {
  override name = 'PermanentError';
}

/** It may succeed later: 503 to a sender, tried again with backoff, not before `retryAfterMs`. */
export class TransientError extends Error {
  override name = 'TransientError';
  readonly retryAfterMs: number | undefined;
  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options);
    this.retryAfterMs = options?.retryAfterMs;
  }
}
