import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { promises as dns } from 'node:dns';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { PermanentError } from '../../../functions/function.ts';
import { AddressGuard, guardFor, ownMachine } from '../../../functions/media/addressGuard.ts';
import { download } from '../../../functions/media/download.ts';

let server: Server;
let asked: string[];
let folder: string;
beforeEach(async () => {
  asked = [];
  folder = mkdtempSync(join(tmpdir(), 'guard-'));
  server = createServer((request, response) => {
    asked.push(request.url!);
    if (request.url === '/moved') response.writeHead(302, { location: '/file' }).end();
    else response.end('file');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  rmSync(folder, { recursive: true });
});

const address = (host: string, path = '/file') =>
  `http://${host}:${(server.address() as AddressInfo).port}${path}`;
const fetched = (url: string, networks: string, hosts?: string) =>
  download('model m', url, join(folder, 'm.part'), {
    guard: new AddressGuard('download', networks, hosts),
    pauseMs: 1,
  });

test.each(['127.0.0.1', 'localhost', '127.1', '2130706433', '0x7f.0.0.1'])(
  'a download from %s is refused before anything is sent, unless loopback is allowed',
  async (host) => {
    const refused = fetched(address(host), 'public,private');
    await expect(refused).rejects.toBeInstanceOf(PermanentError);
    await expect(refused).rejects.toThrow(
      /^model m: .* is in no network that MEI_DOWNLOAD_NETWORKS allows \(public, private\)$/,
    );
    expect(asked).toEqual([]);
    await fetched(address(host), ownMachine);
    expect(asked).toEqual(['/file']);
  },
);

test('a name is checked as the connection is made, not before', async () => {
  const guard = new AddressGuard('download', 'public');
  guard.check(new URL(address('localhost')));
  await expect(guard.resolve(new URL(address('localhost')))).rejects.toThrow(
    /^localhost \(.*\) is in no network/,
  );
  await expect(
    new Promise((resolve, reject) =>
      guard.lookup('localhost', { all: true }, (error, found) => (error ? reject(error) : resolve(found))),
    ),
  ).rejects.toThrow(/in no network/);
});

test('of the addresses that a name has only the allowed ones are used', async () => {
  const found = await dns.lookup('localhost', { all: true });
  const { address: only } = found[0]!;
  const guard = new AddressGuard('camera', only);
  const given = await new Promise((resolve, reject) =>
    guard.lookup('localhost', { all: true }, (error, addresses) =>
      error ? reject(error) : resolve(addresses),
    ),
  );
  expect(given).toEqual(found.filter((each) => each.address === only));
});

test('a redirect is refused', async () => {
  await expect(fetched(address('127.0.0.1', '/moved'), ownMachine)).rejects.toThrow(
    /answers 302: redirects are not followed/,
  );
  expect(asked).toEqual(['/moved']);
});

test.each([
  ['127.0.0.1', true],
  ['http://127.0.0.1', true],
  ['https://127.0.0.1', false],
  ['localhost', false],
  ['*.example,127.0.0.1', true],
])('with the hosts %s alone, 127.0.0.1 over http is allowed: %s', async (hosts, isAllowed) => {
  const outcome = await fetched(address('127.0.0.1'), ownMachine, hosts).then(
    () => 'fetched',
    (error: Error) => error.message,
  );
  if (isAllowed) expect(outcome).toBe('fetched');
  else
    expect(outcome).toBe(
      'model m: http://127.0.0.1 is not in MEI_DOWNLOAD_HOSTS: this installation allows only those',
    );
});

test.each([
  ['models.example', true],
  ['a.models.example', true],
  ['a.b.models.example', true],
  ['evilmodels.example', false],
  ['models.example.evil', false],
])('*.models.example and models.example: %s %s', (host, isAllowed) => {
  const guard = new AddressGuard('download', 'public', '*.models.example,models.example');
  const check = () => guard.check(new URL(`https://${host}/x`));
  if (isAllowed) check();
  else expect(check).toThrow(PermanentError);
});

test('an address with a login is refused, and the login is not repeated', async () => {
  const refused = fetched(address('user:secret@127.0.0.1', '/file?sig=secret'), ownMachine);
  await expect(refused).rejects.toThrow(/holds a user name or password: remove them$/);
  await expect(refused).rejects.not.toThrow(/secret/);
});

test('the environment decides, and is closed when it says nothing', () => {
  const check = (environment: NodeJS.ProcessEnv, kind: 'camera' | 'download', host: string) => () =>
    guardFor(kind, environment).check(new URL(`http://${host}/`));
  expect(check({}, 'camera', '192.168.1.9')).not.toThrow();
  expect(check({}, 'camera', '127.0.0.1')).toThrow(PermanentError);
  expect(check({}, 'download', '192.168.1.9')).toThrow(PermanentError);
  expect(check({ MEI_DOWNLOAD_NETWORKS: '192.168.0.0/16' }, 'download', '192.168.1.9')).not.toThrow();
  expect(check({ MEI_CAMERA_HOSTS: 'rtsp://*' }, 'camera', '192.168.1.9')).toThrow(/MEI_CAMERA_HOSTS/);
  expect(check({ MEI_CAMERA_NETWORKS: 'lan' }, 'camera', '192.168.1.9')).toThrow(
    /MEI_CAMERA_NETWORKS: "lan"/,
  );
});
