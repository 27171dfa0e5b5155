// The cookie of a signed-in browser: signed with the account's own token, so that it ends with the token, outlives restarts of
// the server, and is good for every replica. router.ts makes and reads it.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Account, AccessFile } from './access.ts';

export const cookieName = 'mei_console';
const lifetimeS = 12 * 3600;

/** @param isSecure whether the browser came by https @param path of the console on its server */
export function cookieFor(account: Account, nowMs: number, path: string, isSecure: boolean): string {
  const until = Math.floor(nowMs / 1000) + lifetimeS;
  const value = `${account.name}|${until}|${signature(account, until)}`;
  return attributes(encodeURIComponent(value), lifetimeS, path, isSecure);
}

export function endedCookie(path: string, isSecure: boolean): string {
  return attributes('', 0, path, isSecure);
}

/** Whose session it is; undefined when it is over, forged, or the account is no more. */
export function accountOfCookie(
  header: string | undefined,
  access: AccessFile,
  task: string,
  nowMs: number,
): Account | undefined {
  const [name = '', until = '', given = ''] = valueIn(header).split('|');
  const account = access.named(name, task);
  if (!account || !/^\d{1,12}$/.test(until) || Number(until) * 1000 <= nowMs) return undefined;
  const expected = Buffer.from(signature(account, Number(until)));
  const offered = Buffer.from(given);
  if (expected.length !== offered.length || !timingSafeEqual(expected, offered)) return undefined;
  return account;
}

function signature({ name, digest }: Account, until: number): string {
  return createHmac('sha256', digest).update(`console session|${name}|${until}`).digest('base64url');
}

function attributes(value: string, maxAgeS: number, path: string, isSecure: boolean): string {
  const secure = isSecure ? '; Secure' : '';
  return `${cookieName}=${value}; Path=${path}; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure}`;
}

function valueIn(header: string | undefined): string {
  for (const pair of (header ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name !== cookieName || value === undefined) continue;
    try {
      return decodeURIComponent(value);
    } catch {
      return '';
    }
  }
  return '';
}
