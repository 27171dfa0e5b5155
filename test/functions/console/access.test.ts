// Who may use the console: the file of tokens, and the cookies that follow from it.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AccessFile, accountsIn } from '../../../functions/console/access.ts';
import { accountOfCookie, cookieFor, cookieName } from '../../../functions/console/session.ts';

const ada = 'operator-token-0123456789';
const bob = 'viewer-token-0123456789ab';
let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'mei-access-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(text: string): { path: string; file: AccessFile; later: () => void } {
  const path = join(folder, `tokens-${Math.random()}`);
  writeFileSync(path, text);
  let nowMs = 0;
  return { path, file: new AccessFile(path, () => nowMs), later: () => void (nowMs += 1001) };
}

test('a token gives name and role, for the tasks of its line alone', () => {
  const { file } = fileWith(`# people\nada operate * ${ada}\n\nbob view shop,yard ${bob}\n`);
  expect(file.accountOf(ada, 'anything')).toMatchObject({ name: 'ada', role: 'operate' });
  expect(file.accountOf(bob, 'yard')).toMatchObject({ name: 'bob', role: 'view' });
  expect(file.accountOf(bob, 'station')).toBeUndefined();
  expect(file.accountOf('', 'yard')).toBeUndefined();
});

test.each([
  ['', /names nobody/],
  [`ada operate * short`, /line 1: a token has 16/],
  [`ada admin * ${ada}`, /line 1: the role is view or operate/],
  [`# x\nada view ${ada}`, /line 2: write name/],
  [`a/b view * ${ada}`, /names consist of/],
  [`ada view * ${ada}\nada view * ${bob}`, /line 2: the name is there twice/],
])('%j is refused without showing a token', (text, reason) => {
  expect(() => accountsIn(text)).toThrow(reason);
  const { file } = fileWith(`bob view * ${bob}\n${text}`);
  expect(file.problem ?? '').not.toContain(ada);
});

test('a file that is replaced, spoilt or gone counts from the next look on', () => {
  const { path, file, later } = fileWith(`ada operate * ${ada}\n`);
  expect(file.accountOf(ada, 't')).toBeDefined();
  writeFileSync(`${path}.new`, `bob view * ${bob}\n`);
  renameSync(`${path}.new`, path);
  later();
  expect([file.accountOf(ada, 't'), file.accountOf(bob, 't')?.name]).toEqual([undefined, 'bob']);
  writeFileSync(path, 'bob view');
  later();
  expect([file.accountOf(bob, 't'), file.problem]).toEqual([undefined, expect.stringMatching(/line 1/)]);
  rmSync(path);
  later();
  expect(file.problem).toBe('ENOENT');
});

test('a cookie is good until its time is over, the token changes, or anything in it does', () => {
  const { path, file, later } = fileWith(`bob view shop ${bob}\n`);
  const cookie = cookieFor(file.accountOf(bob, 'shop')!, 0, '/console', true);
  expect(cookie).toMatch(/; Path=\/console; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/);
  const pair = cookie.split(';')[0]!;
  const who = (header: string, nowMs = 1000) => accountOfCookie(header, file, 'shop', nowMs)?.name;
  expect(who(`other=1; ${pair}`)).toBe('bob');
  expect(who(pair, 43_200_000)).toBeUndefined();
  expect(accountOfCookie(pair, file, 'yard', 1000)).toBeUndefined();
  const value = decodeURIComponent(pair.slice(cookieName.length + 1));
  const forged = [value.replace('43200', '99999'), value.replace('bob', 'ada'), value.slice(0, -1), '', '%'];
  for (const each of forged) expect(who(`${cookieName}=${each}`)).toBeUndefined();
  writeFileSync(path, `bob view shop ${ada}\n`);
  later();
  expect(who(pair)).toBeUndefined();
});
