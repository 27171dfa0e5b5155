// What an HTTP sender hears: server.ts writes every refusal through here, so that no stack trace and no second line gets out.
import { STATUS_CODES } from 'node:http';
import { BeginAgainError, NotFoundError, PermanentError, TransientError } from '../function.ts';
import { BindingError } from '../../delivery/attributes.ts';
import { OverloadedError } from './inbox.ts';
import type { Response } from 'express';
import type { Log } from '../function.ts';

/** The same id is queued or being handled: ask again later. */
export class InProgressError extends TransientError {
  override name = 'InProgressError';
}

/** An answer that an error of our own classes does not express. */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly status: number;
  readonly headers: Record<string, string>;
  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

interface Refusal {
  status: number;
  detail: string;
  headers: Record<string, string>;
}

/** Maps an error to status, one line and headers. */
export function refusalOf(error: unknown): Refusal {
  const detail = error instanceof Error ? oneLine(error.message) : 'unknown error';
  if (error instanceof HttpError || error instanceof BindingError)
    return { status: error.status, detail, headers: error instanceof HttpError ? error.headers : {} };
  if (error instanceof NotFoundError) return { status: 404, detail, headers: {} };
  if (error instanceof BeginAgainError) return { status: 412, detail, headers: {} };
  if (error instanceof OverloadedError) return { status: 429, detail, headers: retryAfter(error) };
  if (error instanceof InProgressError) return { status: 409, detail, headers: retryAfter(error) };
  if (error instanceof TransientError) return { status: 503, detail, headers: retryAfter(error) };
  if (error instanceof PermanentError) return { status: 422, detail, headers: {} };
  const status = bodyStatus(error);
  if (status !== undefined) return { status, detail, headers: {} };
  return { status: 500, detail: 'the event could not be handled, see the log of the worker', headers: {} };
}

/** Writes `error` as application/problem+json, once; unexpected ones are logged. */
export function refuse(response: Response, error: unknown, log: Log): number {
  const { status, detail, headers } = refusalOf(error);
  if (status === 500) log.error({ error }, 'request failed');
  if (response.headersSent) return status;
  response.status(status).set(headers).set('content-type', 'application/problem+json');
  if (status === 413 || status === 408) response.set('connection', 'close');
  response.end(JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail }));
  return status;
}

/** Errors of express's body reader carry a status below 500. */
function bodyStatus(error: unknown): number | undefined {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

function retryAfter({ retryAfterMs = 1000 }: TransientError) {
  return { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
}

function oneLine(message: string) {
  return message.split('\n')[0]!.slice(0, 500);
}
