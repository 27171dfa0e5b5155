// Asks who sends events and reports to a local controller: only workers of the task, which know its token.
// The routes of workerInfo.ts and workerEvents.ts call it.
import { createHash, timingSafeEqual } from 'node:crypto';
import { RefusedError, type HttpRequest } from '../link/http.ts';

const challenge = { 'www-authenticate': 'Bearer realm="task"' };

/**
 * @param tokens that count for the task
 * @throws RefusedError 401; 503 while no token of the task is known here
 */
export function admitWorker({ headers }: Pick<HttpRequest, 'headers'>, tokens: readonly string[]): void {
  if (tokens.length === 0)
    throw new RefusedError(503, 'the token of this task is not known here yet', { 'retry-after': '5' });
  const shown = /^Bearer +([\x21-\x7e]{1,1024}) *$/i.exec(headers.authorization ?? '')?.[1];
  if (shown === undefined)
    throw new RefusedError(401, 'send the token of the task as Authorization: Bearer <token>', challenge);
  const digest = digestOf(shown);
  let isKnown = false;
  for (const token of tokens) isKnown = timingSafeEqual(digestOf(token), digest) || isKnown;
  if (!isKnown) throw new RefusedError(401, 'the token is not that of the task', challenge);
}

/** Digests have one length, so that comparing them takes a time that says nothing. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
