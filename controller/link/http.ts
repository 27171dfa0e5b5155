// Routes of the small HTTP servers that the controller and the local controllers have: a path, a bounded body, one answer.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, PermanentError, TransientError } from '../errors.ts';
import type { Log } from '../log.ts';

export interface HttpRequest {
  message: IncomingMessage;
  /** What the route's pattern captured, decoded. */
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: Buffer;
  /** Aborted when the caller goes away. */
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  /** Text as it is; anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Route {
  method: 'GET' | 'POST';
  /** Steps between slashes; `:name` takes one step, e.g. `/v1/workers/:worker/config`. */
  path: string;
  /** Largest body, bytes; absent: none is read. */
  bodyBytes?: number;
  /** Throws RefusedError, or PermanentError (400) and TransientError (503). */
  handle(request: HttpRequest): Promise<HttpAnswer> | HttpAnswer;
}

/** An answer other than success, in words for whoever asked. */
export class RefusedError extends Error {
  override name = 'RefusedError';
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

const limits = {
  maxHeaderSize: 16 << 10,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
};
const mostConnections = 1024;

/** Not listening yet. */
export function createRoutedServer(routes: readonly Route[], log: Log): Server {
  const server = createServer(limits, (request, response) => void respond(routes, request, response, log));
  server.maxConnections = mostConnections;
  return server;
}

export async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Answers one request; never rejects. Also for servers of node:https. */
export async function respond(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
  log: Log,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  let answer: HttpAnswer;
  try {
    answer = await dispatch(routes, request, gone.signal);
  } catch (error) {
    answer = answerOf(error, log);
  }
  if (response.destroyed || response.headersSent) return;
  const isText = typeof answer.body === 'string';
  const text = answer.body === undefined || isText ? (answer.body ?? '') : `${JSON.stringify(answer.body)}\n`;
  response.writeHead(answer.status, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    'x-content-type-options': 'nosniff',
    // What was not read would be taken for the next request.
    ...(!request.complete && { connection: 'close' }),
    ...answer.headers,
  });
  response.end(text);
}

async function dispatch(
  routes: readonly Route[],
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const url = urlOf(request);
  const fitting = routes.flatMap((route) => {
    const params = paramsOf(route.path, url.pathname);
    return params ? [{ route, params }] : [];
  });
  if (fitting.length === 0) throw new RefusedError(404, `there is nothing at ${url.pathname.slice(0, 100)}`);
  const found = fitting.find(({ route }) => route.method === request.method);
  if (!found) {
    const allow = fitting.map(({ route }) => route.method).join(', ');
    throw new RefusedError(405, `use ${allow}`, { allow });
  }
  const { route, params } = found;
  const body = route.bodyBytes === undefined ? Buffer.alloc(0) : await bodyOf(request, route.bodyBytes);
  return route.handle({
    message: request,
    params,
    query: url.searchParams,
    headers: request.headers,
    body,
    signal,
  });
}

function urlOf(request: IncomingMessage): URL {
  const path = request.url ?? '/';
  if (!path.startsWith('/') || !URL.canParse(`http://host${path}`))
    throw new RefusedError(400, 'the address is not valid');
  return new URL(`http://host${path}`);
}

/** Undefined when the path is another one. */
export function paramsOf(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const steps = path.split('/');
  if (wanted.length !== steps.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, step] of wanted.entries()) {
    if (!step.startsWith(':')) {
      if (step !== steps[index]) return undefined;
      continue;
    }
    try {
      params[step.slice(1)] = decodeURIComponent(steps[index]!);
    } catch {
      return undefined;
    }
  }
  return params;
}

async function bodyOf(request: IncomingMessage, most: number): Promise<Buffer> {
  const tooLarge = new RefusedError(413, `the body has more than ${most} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > most) throw tooLarge;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** @throws RefusedError 400 when it is no JSON object */
export function jsonObject(body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new RefusedError(400, 'the body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RefusedError(400, 'the body is no JSON object');
  return value as Record<string, unknown>;
}

/** Faults of our own are logged and say nothing to the outside. */
function answerOf(error: unknown, log: Log): HttpAnswer {
  if (error instanceof RefusedError)
    return { status: error.status, body: { error: error.message }, headers: error.headers };
  if (error instanceof PermanentError) return { status: 400, body: { error: error.message } };
  if (error instanceof TransientError)
    return { status: 503, body: { error: error.message }, headers: { 'retry-after': '1' } };
  if ((error as NodeJS.ErrnoException | null)?.code === 'ECONNRESET') return { status: 400 };
  log.error({ error: messageOf(error) }, 'request failed');
  return { status: 500, body: { error: 'something went wrong here; its log says what' } };
}
