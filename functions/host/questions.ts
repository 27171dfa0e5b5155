// Questions about people over HTTP: server.ts mounts this below /api where a stage answers them. It knows who may ask, and
// bounds how many ask at a time, how much they send and how long they wait.
import express from 'express';
import { openApi } from '../../config/queries/openapi.ts';
import { methodsOf, readValues, routeOf } from '../../config/queries/questions.ts';
import { mostPictureBytes, type Role, type Route } from '../../config/queries/routes.ts';
import { AccessFile } from '../console/access.ts';
import { TransientError, type Context, type Log, type StageFunction } from '../function.ts';
import { HttpError, refuse } from './answers.ts';
import { readBody } from './body.ts';
import { OverloadedError } from './inbox.ts';
import { RateLimit } from './rateLimit.ts';
import type { NextFunction, Request, RequestHandler, Response, Router } from 'express';

export interface QuestionOptions {
  stage: Required<Pick<StageFunction, 'answer'>>;
  context: Context;
  /** Name of the task. */
  task: string;
  /** Lines of name, role, tasks and token; absent: nobody is answered but who comes by loopback. */
  tokensFile: string | undefined;
  /** Nobody but this machine reaches the worker. */
  isLocal: boolean;
  log: Log;
  limits?: Partial<QuestionLimits>;
}

export interface QuestionLimits {
  /** Questions under way; beyond it 429. */
  underWay: number;
  deadlineMs: number;
  /** Wrong tokens a second. */
  wrongTokens: number;
}

const usualLimits: QuestionLimits = { underWay: 16, deadlineMs: 30_000, wrongTokens: 5 };
const challenge = { 'www-authenticate': 'Bearer realm="people"' };

export function questionRouter(options: QuestionOptions): Router {
  const { stage, context, log } = options;
  const limits = { ...usualLimits, ...options.limits };
  const admit = admission(options, limits);
  const takeBody = readBody(mostPictureBytes);
  const router = express.Router();
  let underWay = 0;
  router.use((_request, response, next) => {
    response.set({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    next();
  });
  router.get('/openapi.json', (_request, response) => void response.json(openApi()));
  router.use((request, response, next) => {
    const { route, inPath } = questionOf(request);
    admit(request, route.role);
    const { values, problems } = readValues(route, inPath, queryOf(request));
    if (problems.length > 0) throw new HttpError(400, problems.join('; '));
    if (underWay >= limits.underWay) throw new OverloadedError('too many questions are under way');
    underWay += 1;
    response.once('close', () => (underWay -= 1));
    const answer = () => {
      const contentType = (request.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
      const body = (request.body as Uint8Array | undefined) ?? new Uint8Array(0);
      const asked = { name: route.id, values, contentType, body };
      withinDeadline(limits.deadlineMs, response, (signal) => stage.answer({ ...asked, signal }, context))
        .then((found) => response.headersSent || response.json(found))
        .catch(next);
    };
    if (route.takes === undefined) return answer();
    checkBody(request, route);
    takeBody(request, response, (error?: unknown) => (error === undefined ? answer() : next(error)));
  });
  router.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    refuse(response, error, log);
  });
  return router;
}

function questionOf(request: Request): NonNullable<ReturnType<typeof routeOf>> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const found = routeOf(method, request.path);
  if (found) return found;
  const allow = methodsOf(request.path).join(', ');
  if (allow !== '') throw new HttpError(405, `this takes ${allow}`, { allow });
  throw new HttpError(404, 'there is no such question: /api/openapi.json lists them');
}

function queryOf(request: Request): URLSearchParams {
  const at = request.url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : request.url.slice(at + 1));
}

function checkBody(request: Request, { takes }: Route): void {
  const type = (request.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  const isTaken =
    /^image\/(jpeg|png|webp)$/.test(type) || (takes === 'picture or JSON' && type === 'application/json');
  if (!isTaken)
    throw new HttpError(
      415,
      `send a picture as image/jpeg, image/png or image/webp${takes === 'picture' ? '' : ', or JSON'}`,
    );
  const bytes = Number(request.get('content-length') ?? 0);
  if (bytes > mostPictureBytes)
    throw new HttpError(413, `the body has ${bytes} bytes, at most ${mostPictureBytes} are taken`);
}

/** @returns what throws HttpError 401, 403 or 421, and TransientError while the tokens cannot be read */
function admission({ tokensFile, isLocal, task, log }: QuestionOptions, { wrongTokens }: QuestionLimits) {
  const accounts = tokensFile === undefined ? undefined : new AccessFile(tokensFile);
  const limit = new RateLimit(wrongTokens, performance.now());
  return (request: Request, role: Role): void => {
    if (!accounts) return admitThisMachine(request, isLocal);
    const token = /^Bearer +([\x21-\x7e]{1,1024}) *$/i.exec(request.get('authorization') ?? '')?.[1];
    const account = token === undefined ? undefined : accounts.accountOf(token, task);
    if (account?.role === 'operate' || (account && role === 'view')) return;
    if (account) throw new HttpError(403, `${account.name} may look, but not operate`);
    if (accounts.problem !== undefined) {
      log.warn({ task, reason: accounts.problem }, 'question refused');
      throw new TransientError('the tokens cannot be read', { retryAfterMs: 5000 });
    }
    if (token === undefined)
      throw new HttpError(401, 'send a token as Authorization: Bearer <token>', challenge);
    if (limit.take(performance.now()) > 0) throw new OverloadedError('too many wrong tokens');
    log.warn({ task, reason: 'not a token of this task' }, 'question refused');
    throw new HttpError(401, 'the token is none of this task', challenge);
  };
}

/** A page of another site could reach a loopback address, by a name of its own or across origins. */
function admitThisMachine(request: Request, isLocal: boolean): void {
  if (!isLocal)
    throw new HttpError(
      401,
      'nobody may ask here yet: name a Secret with tokens in spec.access.tokensRef',
      challenge,
    );
  const host = request.get('host') ?? '';
  const hostname = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
  if (!['localhost', '127.0.0.1', '[::1]'].includes(hostname))
    throw new HttpError(421, 'without tokens only localhost is answered');
  if (
    request.get('origin') !== undefined ||
    !['none', 'same-origin'].includes(request.get('sec-fetch-site') ?? 'none')
  )
    throw new HttpError(403, 'this request comes from a page of another site');
}

/** Also over when whoever asked has gone. */
async function withinDeadline<T>(
  ms: number,
  response: Response,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const late = new TransientError(`the answer took more than ${ms / 1000} s: ask for less`, {
    retryAfterMs: 5000,
  });
  const timer = setTimeout(() => over.abort(late), ms);
  const gone = () => over.abort(new TransientError('nobody waits for the answer'));
  response.once('close', gone);
  const ended = new Promise<never>((_resolve, reject) => {
    over.signal.addEventListener('abort', () => reject(over.signal.reason as Error), { once: true });
  });
  ended.catch(() => undefined);
  try {
    return await Promise.race([work(over.signal), ended]);
  } finally {
    clearTimeout(timer);
    response.off('close', gone);
  }
}

/** Nothing to mount where nobody answers. */
export function questionHandler(
  options: Omit<QuestionOptions, 'stage' | 'context'> & {
    stages: readonly { stage: StageFunction; context: Context }[];
  },
): RequestHandler | undefined {
  const found = options.stages.find(({ stage }) => stage.answer !== undefined);
  if (!found) return undefined;
  return questionRouter({
    ...options,
    stage: found.stage as QuestionOptions['stage'],
    context: found.context,
  });
}
