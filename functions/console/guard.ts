// What holds for every answer and every request of the console, whoever asks: router.ts puts it before all else.
import type { RequestHandler, Request } from 'express';
import { HttpError } from '../host/answers.ts';

/** Nothing but this server's own files, no script in the page, no frame around it. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const protectAnswers: RequestHandler = (_request, response, next) => {
  response.set({
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=()',
    'cache-control': 'no-store',
  });
  next();
};

/** Pages of other sites may not change anything here, even where a browser would send the cookie along. */
export const refuseOtherSites: RequestHandler = (request, _response, next) => {
  if (request.method === 'GET' || request.method === 'HEAD') return next();
  const site = request.get('sec-fetch-site');
  const origin = request.get('origin');
  const isOwn =
    origin === undefined ? site === undefined || site === 'same-origin' : isOwnOrigin(origin, request);
  if (!isOwn || (site !== undefined && site !== 'same-origin'))
    throw new HttpError(403, 'this request comes from another site');
  next();
};

/** Without tokens only names of this machine are answered, or a page could reach it by a name that is made to point here. */
export const refuseForeignNames: RequestHandler = (request, _response, next) => {
  const { hostname } = new URL(`http://${request.get('host') ?? ''}`.replace(/\/$/, '') || 'http://none');
  if (!['localhost', '127.0.0.1', '[::1]'].includes(hostname))
    throw new HttpError(421, 'without a token file the console answers to localhost only');
  next();
};

function isOwnOrigin(origin: string, request: Request): boolean {
  return URL.canParse(origin) && new URL(origin).host === request.get('host');
}
