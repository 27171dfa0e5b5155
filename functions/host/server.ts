// The HTTP face of a worker: events in, health and metrics out. worker.ts listens with it.
import { createServer } from 'node:http';
import express from 'express';
import { eventTypes } from '../../config/events.ts';
import { ClosedError, OverloadedError } from './inbox.ts';
import { HttpError, refuse } from './answers.ts';
import { batchMessage, binaryMessage, mediaType, parse } from '../../delivery/binding.ts';
import { readBody } from './body.ts';
import { fromEnvelope, toEnvelope } from './codec.ts';
import { consolePath, type Console } from '../console/router.ts';
import { imageEvent } from './picture.ts';
import { Intake } from './intake.ts';
import { admitPictures, admitSender, keepPrivate } from './pushGate.ts';
import { questionHandler } from './questions.ts';
import { handshake } from './webhook.ts';
import type { TaskToken } from './taskToken.ts';
import type { Server } from 'node:http';
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express';
import type { StageEvent } from '../../config/events.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import type { Log } from '../function.ts';
import type { IntakeOptions } from './intake.ts';
import type { Metrics } from './metrics.ts';
import type { PushAccess } from './pushAccess.ts';
import type { HostedStage } from './stage.ts';

export interface ServerOptions extends IntakeOptions {
  /** Largest body of one request; a frame of 2048 x 2048 has 12.6 MB. */
  bodyBytes: number;
  /** Bodies of all requests under way together; beyond it 429. */
  bodiesBytes: number;
  headerBytes: number;
  /** Whether `Prefer: reply` is heard. */
  replies: boolean;
}

export const defaultServerOptions: ServerOptions = {
  holdMs: 1000,
  held: 64,
  bodyBytes: 32 << 20,
  bodiesBytes: 128 << 20,
  headerBytes: 16 << 10,
  replies: true,
};

export interface ServerParts {
  config: WorkerConfig;
  /** In the order of the chain. */
  stages: HostedStage[];
  metrics: Metrics;
  /** Asked for pictures, where they are taken. */
  access: PushAccess;
  /** Asked for everything else; absent: whoever reaches the worker may send. */
  token?: TaskToken | undefined;
  /** Who may ask questions about people, and whether only this machine reaches the worker. */
  questions?: { tokensFile: string | undefined; isLocal: boolean };
  /** For the worker of a task that people may look into. */
  console?: Console | undefined;
  log: Log;
  /** Starting: not ready yet. Draining: says it is not ready but still takes events. Closed: takes none. */
  state: () => 'starting' | 'running' | 'draining' | 'closed';
  now?: () => number;
}

/** A server that is not listening yet. */
export function createHttpServer(parts: ServerParts, options: ServerOptions): Server {
  const app = createApp(parts, options);
  const server = createServer(
    {
      maxHeaderSize: options.headerBytes,
      keepAliveTimeout: 65_000,
      headersTimeout: 20_000,
      requestTimeout: 60_000,
    },
    app,
  );
  server.maxConnections = 2048;
  return server;
}

function createApp(parts: ServerParts, options: ServerOptions): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  const intake = new Intake(parts.stages, options, parts.metrics);
  const body = [admit(parts, options), readBody(options.bodyBytes)];
  const takesPictures = intake.takes('image');
  app.post(
    '/',
    takesPictures ? admitSender(parts.access) : (parts.token?.admit ?? []),
    body,
    takesPictures ? keepPrivate : [],
    answer(parts, (request, response) => takeEvents(intake, parts, options.replies, request, response)),
  );
  if (takesPictures) {
    app.post(
      '/cameras/:id/frames',
      admitSender(parts.access),
      body,
      keepPrivate,
      answer(parts, (request) => takePicture(intake, parts, request)),
    );
    app.options(['/', '/cameras/:id/frames'], handshake(parts.access));
  }
  app.get(
    ['/healthz', '/health/liveness'],
    health(() => parts.stages.forEach((each) => each.stage.liveness?.())),
  );
  app.get(
    ['/readyz', '/health/readiness'],
    health(() => checkReady(parts)),
  );
  app.get('/metrics', async (_request, response) => {
    response.type(parts.metrics.registry.contentType).end(await parts.metrics.registry.metrics());
  });
  const questions =
    parts.questions &&
    questionHandler({
      ...parts.questions,
      stages: parts.stages,
      task: parts.config.task.name,
      log: parts.log,
    });
  if (questions) app.use('/api', whileRunning(parts), questions);
  const told = parts.stages.find(({ stage }) => stage.snapshot !== undefined);
  if (told)
    app.get('/status.json', parts.token?.admit ?? [], (_request: Request, response: Response) => {
      response.json(told.stage.snapshot!());
    });
  if (parts.console) app.use(consolePath, parts.console.router);
  app.all(['/', '/cameras/:id/frames'], () => {
    throw new HttpError(405, 'send events with POST', { allow: 'POST' });
  });
  app.use((request: Request) => {
    throw new HttpError(404, `there is nothing at ${request.path.slice(0, 100)}`);
  });
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const status = refuse(response, error, parts.log);
    if (request.method === 'POST') count(parts, response, status);
  });
  return app;
}

function whileRunning({ state }: ServerParts): RequestHandler {
  return (_request, _response, next) => {
    if (state() === 'starting' || state() === 'closed') throw new ClosedError('the worker is not ready');
    next();
  };
}

/** Before the body is read: refuses what could not be taken anyway, and bounds the memory of all bodies together. */
function admit({ state }: ServerParts, { bodyBytes, bodiesBytes }: ServerOptions): RequestHandler {
  let underWay = 0;
  return (request, response, next) => {
    const now = state();
    if (now === 'starting' || now === 'closed')
      throw new ClosedError(now === 'starting' ? 'the worker is starting' : 'the worker is shutting down');
    const announced = request.headers['content-length'];
    const bytes =
      announced === undefined || request.headers['content-encoding'] ? bodyBytes : Number(announced);
    if (bytes > bodyBytes)
      throw new HttpError(413, `the body has ${bytes} bytes, at most ${bodyBytes} are taken`);
    if (underWay > 0 && underWay + bytes > bodiesBytes)
      throw new OverloadedError('too many requests are under way');
    underWay += bytes;
    response.once('close', () => (underWay -= bytes));
    next();
  };
}

async function takeEvents(
  intake: Intake,
  { access }: ServerParts,
  replies: boolean,
  request: Request,
  response: Response,
): Promise<{ types: string[]; replies: StageEvent[] }> {
  const envelopes = parse(request.headers, bodyOf(request), { batch: true });
  const events = envelopes.map(fromEnvelope);
  admitPictures(access, events, response);
  const traceparent = request.get('traceparent');
  if (traceparent !== undefined) for (const event of events) event.traceparent ??= traceparent;
  const wantsReply = replies && /(?:^|[,;])\s*reply\s*(?:$|[,;=])/i.test(request.get('prefer') ?? '');
  return { types: events.map((event) => event.type), replies: await intake.take(events, wantsReply) };
}

async function takePicture(intake: Intake, { config, now = Date.now }: ServerParts, request: Request) {
  const camera = String(request.params.id);
  if (!config.cameras.some(({ id }) => id === camera))
    throw new HttpError(404, 'this worker has no such camera');
  const { type } = mediaType(request.get('content-type') ?? '');
  if (!type.startsWith('image/'))
    throw new HttpError(415, 'send a picture as image/jpeg, image/png or image/webp');
  const { task } = config;
  const event = imageEvent({
    camera,
    contentType: type,
    bytes: bodyOf(request),
    source: `/namespaces/${task.namespace}/multiedgeinferences/${task.name}/cameras/${encodeURIComponent(camera)}`,
    time: request.query.time ?? request.get('media-time'),
    key: request.get('idempotency-key'),
    arrivedMs: now(),
  });
  await intake.take([event], false);
  return { types: [eventTypes.image as string], replies: [] };
}

/** 202, or 200 with what `take` returns. */
function answer(
  parts: ServerParts,
  take: (request: Request, response: Response) => Promise<{ types: string[]; replies: StageEvent[] }>,
): RequestHandler {
  return async (request, response) => {
    const { types, replies } = await take(request, response);
    response.locals.types = types;
    const status = replies.length === 0 ? 202 : 200;
    count(parts, response, status);
    if (replies.length === 0) return void response.status(202).end();
    const envelopes = replies.map(toEnvelope);
    const message = envelopes.length === 1 ? binaryMessage(envelopes[0]!) : batchMessage(envelopes);
    response.status(200).set(message.headers).end(Buffer.concat(message.parts));
  };
}

/** A request refused before its events are known counts as one of unknown type. */
function count({ metrics }: ServerParts, response: Response, code: number) {
  const types = (response.locals.types as string[] | undefined) ?? ['unknown'];
  for (const type of types) metrics.received.inc({ type, code: String(code) });
}

function bodyOf(request: Request): Uint8Array {
  const body: unknown = request.body;
  return body instanceof Uint8Array ? body : new Uint8Array(0);
}

function checkReady({ state, stages }: ServerParts) {
  if (state() !== 'running') throw new Error(`the worker is ${state()}`);
  for (const { stage } of stages) stage.readiness?.();
}

function health(check: () => void): RequestHandler {
  return (_request, response) => {
    try {
      check();
      response.status(200).type('text/plain').end('ok\n');
    } catch (error) {
      response
        .status(503)
        .type('text/plain')
        .end(`${(error as Error).message.split('\n')[0]}\n`);
    }
  };
}
