// The control plane that other tests stand on: it works, it guards, and nothing of it stays behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { KubectlError } from './kubectl.ts';
import { onCluster } from './onCluster.ts';

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'example.invalid/web' }] },
    },
  },
};

onCluster('a control plane with nodes', { controllers: true, kwokNodes: 2 }, (cluster) => {
  test('runs the pods of a Deployment, and collects them', async () => {
    const { kubectl } = cluster();
    await kubectl(['apply', '-f', '-'], JSON.stringify(deployment));
    await kubectl(['wait', '--for=condition=Available', 'deployment/web', '--timeout=50s']);
    expect(await kubectl(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.phase}'])).toBe(
      'Running Running',
    );
    await kubectl(['delete', 'deployment', 'web', '--cascade=foreground', '--timeout=50s']);
    expect(await kubectl(['get', 'pods', '-l', 'app=web', '-o', 'name'])).toBe('');
  });

  test('has roles: a service account may do nothing that nobody granted', async () => {
    const { kubectl, request } = cluster();
    const token = (await kubectl(['create', 'token', 'default'])).trim();
    const refused = await request('GET', '/api/v1/namespaces/default/secrets', undefined, { token });
    expect(refused).toMatchObject({ status: 403, body: { reason: 'Forbidden' } });
    expect(await request('GET', '/api/v1/nodes', undefined, { token: 'stranger' })).toMatchObject({
      status: 401,
    });
  });

  test('kubectl says why it failed', async () => {
    const failure = cluster().kubectl(['get', 'pods', 'absent']);
    await expect(failure).rejects.toBeInstanceOf(KubectlError);
    await expect(failure).rejects.toThrow('pods "absent" not found');
  });

  test('the API server comes back with the same data and tokens', async () => {
    const { kubectl, request, stopApiServer, startApiServer } = cluster();
    await kubectl(['create', 'configmap', 'kept', '--from-literal=a=b']);
    await stopApiServer();
    await expect(request('GET', '/readyz')).rejects.toThrow();
    await startApiServer();
    expect(await kubectl(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'])).toBe('b');
  });
});

onCluster('a killed test process', {}, () => {
  test('leaves no process and no folder behind', async () => {
    const script = fileURLToPath(new URL('./strayCluster.ts', import.meta.url));
    const stray = spawn(process.execPath, ['--import', 'tsx', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(stray, 'exit');
    const [line] = (await once(createInterface(stray.stdout), 'line')) as [string];
    const { folder, url } = JSON.parse(line) as { folder: string; url: string };
    stray.kill('SIGKILL');
    await ended;
    const until = Date.now() + 20_000;
    while (existsSync(folder) && Date.now() < until) await pause(50);
    expect(existsSync(folder)).toBe(false);
    const port = Number(new URL(url).port);
    while ((await refusal(port)) !== 'ECONNREFUSED' && Date.now() < until) await pause(50);
    expect(await refusal(port)).toBe('ECONNREFUSED');
  }, 120_000);
});

/** The code with which a connection to the port fails; 'none' when it does not. */
function refusal(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.on('connect', () => {
      socket.destroy();
      resolve('none');
    });
  });
}
