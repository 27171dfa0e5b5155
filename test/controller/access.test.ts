import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { findAccess } from '../../controller/access.ts';

const folder = mkdtempSync(join(tmpdir(), 'mei-account-'));
beforeAll(() => {
  writeFileSync(join(folder, 'token'), 'secret-token\n');
  writeFileSync(join(folder, 'ca.crt'), 'an authority');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['10.96.0.1', '6443', 'https://10.96.0.1:6443'],
  ['10.96.0.1', undefined, 'https://10.96.0.1:443'],
  ['fd00::1', '443', 'https://[fd00::1]:443'],
])('in a pod it is the service account: %s %s', async (host, port, server) => {
  const access = await findAccess({
    MEI_SERVICE_ACCOUNT: folder,
    KUBERNETES_SERVICE_HOST: host,
    ...(port && { KUBERNETES_SERVICE_PORT: port }),
  });
  expect(access.getCurrentCluster()).toEqual({ server });
  const options: RequestOptions = { headers: { accept: 'application/json' } };
  await access.applyToHTTPSOptions(options);
  expect(options).toMatchObject({
    ca: 'an authority',
    headers: { accept: 'application/json', authorization: 'Bearer secret-token' },
  });
});

test('a kubeconfig that is named comes before the pod, and one that is not there is an error', async () => {
  const before = process.env['KUBECONFIG'];
  process.env['KUBECONFIG'] = join(folder, 'absent');
  try {
    const env = { ...process.env, MEI_SERVICE_ACCOUNT: folder, KUBERNETES_SERVICE_HOST: '10.96.0.1' };
    await expect(findAccess(env)).rejects.toThrow('absent');
  } finally {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
  }
});
