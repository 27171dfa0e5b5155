// The console as a part of an HTTP server: its files, sign-in, what is known of the task, and the stream of what changes.
// `mei run` and `mei console` serve it on this machine, the host beside match in a cluster.
import { join } from 'node:path';
import express from 'express';
import type { NextFunction, Request, RequestHandler, Response, Router } from 'express';
import { packageRoot } from '../../config/packageRoot.ts';
import { mostPictureBytes } from '../../config/queries/routes.ts';
import type { Log } from '../function.ts';
import { HttpError, refuse } from '../host/answers.ts';
import { RateLimit } from '../host/rateLimit.ts';
import type { Account, AccessFile } from './access.ts';
import { protectAnswers, refuseForeignNames, refuseOtherSites } from './guard.ts';
import { accountOfCookie, cookieFor, endedCookie } from './session.ts';
import { motionFromStart, type ConsoleSource } from './source.ts';
import { defaultStreamOptions, Stream, type StreamOptions } from './stream.ts';
import type { IdentityView, Role, SessionView } from './types.ts';

export interface ConsoleOptions {
  source: ConsoleSource;
  log: Log;
  /** Absent: whoever is on this machine is an operator, and nobody else is answered. */
  access?: AccessFile;
  stream?: Partial<StreamOptions>;
  /** Folder of the files for the browser. */
  assets?: string;
  now?: () => number;
}

/** The console, to be mounted at `consolePath`. */
export interface Console {
  router: Router;
  /** Ends all streams. */
  close(): void;
}

export const consolePath = '/console';
/** Wrong tokens a second; each is as good as 96 random bits against that. */
const signInsPerSecond = 2;

export function createConsole(options: ConsoleOptions): Console {
  const { source, log, access, now = Date.now } = options;
  const stream = new Stream(source, { ...defaultStreamOptions, ...options.stream });
  const router = express.Router();
  router.use(protectAnswers, refuseOtherSites);
  if (!access) router.use(refuseForeignNames);
  router.use(sessionRoutes());
  router.use('/api', dataRoutes());
  router.use(
    express.static(options.assets ?? join(packageRoot(), 'dist', 'console'), {
      index: 'index.html',
      cacheControl: false,
      redirect: true,
    }),
  );
  router.use(() => {
    throw new HttpError(404, 'there is nothing here: the console begins at /console/');
  });
  router.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    refuse(response, error, log);
  });

  function who(request: Request): Pick<Account, 'name' | 'role'> | undefined {
    if (!access) return { name: 'this machine', role: 'operate' };
    const bearer = /^Bearer ([\x21-\x7e]{1,1024})$/.exec(request.get('authorization') ?? '')?.[1];
    if (bearer !== undefined) return access.accountOf(bearer, source.taskName);
    return accountOfCookie(request.get('cookie'), access, source.taskName, now());
  }

  function admit(role: Role): RequestHandler {
    return (request, _response, next) => {
      const account = who(request);
      if (!account)
        throw new HttpError(
          401,
          access?.problem ? 'tokens cannot be read: ask your operator' : 'sign in first',
        );
      if (role === 'operate' && account.role !== 'operate')
        throw new HttpError(403, `${account.name} may look, but not operate`);
      next();
    };
  }

  function sessionRoutes(): Router {
    const routes = express.Router();
    const limit = new RateLimit(signInsPerSecond, performance.now());
    const path = '/api/session';
    routes.get(path, (request, response) => {
      const account = who(request);
      const view: SessionView = {
        needsToken: access !== undefined,
        ...(account && { name: account.name, role: account.role }),
      };
      response.json(view);
    });
    routes.post(path, express.json({ limit: 4096 }), (request, response) => {
      if (!access) throw new HttpError(404, 'nobody has to sign in here');
      const { token } = (request.body ?? {}) as { token?: unknown };
      const account = typeof token === 'string' ? access.accountOf(token, source.taskName) : undefined;
      if (!account) {
        const waitMs = limit.take(performance.now());
        if (waitMs > 0)
          throw new HttpError(429, 'too many wrong tokens: wait a moment', {
            'retry-after': String(Math.ceil(waitMs / 1000)),
          });
        log.warn({ task: source.taskName, reason: access.problem }, 'console sign-in refused');
        throw new HttpError(401, 'this token is not one for this task');
      }
      log.info({ task: source.taskName, name: account.name, role: account.role }, 'console sign-in');
      response.set('set-cookie', cookieFor(account, now(), consolePath, isSecure(request)));
      response.json({ needsToken: true, name: account.name, role: account.role } satisfies SessionView);
    });
    routes.delete(path, (request, response) => {
      response
        .set('set-cookie', endedCookie(consolePath, isSecure(request)))
        .status(204)
        .end();
    });
    return routes;
  }

  function dataRoutes(): Router {
    const routes = express.Router();
    routes.use(admit('view'));
    routes.get('/task', async (_request, response) => void response.json(await source.task()));
    routes.get('/identities', (_request, response) => void response.json(source.identities()));
    routes.get('/contacts', (_request, response) => void response.json(source.contacts()));
    routes.get('/changes', (_request, response) => {
      const { newest } = source.sequences();
      response.json(source.changesAfter(Math.max(0, newest - 2000), 2000));
    });
    routes.get('/motion', (_request, response) => void response.json(source.motion(motionFromStart())));
    routes.get(
      '/cameras/:id/picture.jpg',
      sendFile((id) => source.picture(id), 'image/jpeg'),
    );
    routes.get(
      '/cameras/:id/recording',
      sendFile((id) => source.recording(id)),
    );
    routes.get('/stream', (request, response) => {
      if (stream.isFull) throw new HttpError(429, 'too many browsers are open', { 'retry-after': '10' });
      stream.attach(response, request.get('last-event-id'), () => who(request) !== undefined);
    });
    const picture = express.raw({ type: () => true, limit: mostPictureBytes, inflate: false });
    routes.post('/search', picture, async (request, response) => {
      if (!source.search) throw new HttpError(404, 'people cannot be searched by picture here');
      const body: unknown = request.body;
      if (!(body instanceof Uint8Array) || body.length === 0)
        throw new HttpError(400, 'send a JPEG, PNG or WebP picture as the body');
      response.json(await source.search(body));
    });
    routes.delete('/identities/:identity', admit('operate'), async (request, response) => {
      if (!source.erase) throw new HttpError(404, 'nobody can be erased here: mei forget does it');
      const person = personNamed(source, String(request.params['identity']));
      if (request.query['number'] !== String(person.number))
        throw new HttpError(
          409,
          `to erase this person, give the number that they have now, which is ${person.number}`,
        );
      log.info(
        { task: source.taskName, name: who(request)?.name, tracks: person.tracks.length },
        'console erases a person',
      );
      response.json(await source.erase(person.identity));
    });
    routes.post('/stop', admit('operate'), (_request, response) => {
      if (!source.stop) throw new HttpError(404, 'nothing runs here');
      log.info({ task: source.taskName }, 'console stops the run');
      source.stop();
      response.status(202).end();
    });
    return routes;
  }

  return { router, close: () => stream.close() };
}

function personNamed(source: ConsoleSource, identity: string): IdentityView {
  const person = source.identities().identities.find((each) => each.identity === identity);
  if (!person) throw new HttpError(404, 'nobody is called that here, or no longer');
  return person;
}

/** Browsers ask for parts of recordings; sendFile knows how. */
function sendFile(pathOf: (camera: string) => string | undefined, type?: string): RequestHandler {
  return (request, response, next) => {
    const path = pathOf(String(request.params['id']));
    if (path === undefined) throw new HttpError(404, 'there is no picture of this camera here');
    const headers = type === undefined ? {} : { 'content-type': type };
    response.sendFile(path, { headers, cacheControl: false, dotfiles: 'allow' }, (error) => {
      if (error && !response.headersSent) next(error);
    });
  };
}

function isSecure(request: Request): boolean {
  return request.secure || request.get('x-forwarded-proto') === 'https';
}
