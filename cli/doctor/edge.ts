// Whether this machine is ready as an edge node with a local controller. Part of `mei doctor --edge`.
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { fail, ok, warn, type Check, type Finding } from './check.ts';

const tokenFile = '/etc/multi-edge-inference/node/token';
/** User of all our containers. */
const containerUser = 65_532;
const askMs = 3000;

export function edgeChecks(port: number): Check[] {
  return [
    { name: `port ${port}`, look: () => portFinding(port) },
    { name: 'token of the node', look: () => tokenFinding(tokenFile, containerUser) },
  ];
}

/** Free, or already served by a local controller. */
export async function portFinding(port: number): Promise<Finding> {
  const server = createServer();
  try {
    server.listen(port, '0.0.0.0');
    await once(server, 'listening');
    return ok('free for the local controller');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') return fail(message, 'choose another with --port and MEI_LC_PORT');
    return takenFinding(port);
  } finally {
    server.close();
  }
}

async function takenFinding(port: number): Promise<Finding> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(askMs) });
    const text = await answer.text();
    const isConnected = /^mei_lc_connected(?:\{[^}]*\})? (\d)/m.exec(text)?.[1];
    if (isConnected === '1') return ok('a local controller runs here and is connected to the controller');
    if (isConnected === '0')
      return fail(
        'a local controller runs here and is not connected to the controller',
        'its log says why: kubectl -n multi-edge-inference-edge logs daemonset/local-controller (docs/edge.md)',
      );
  } catch {
    // It speaks something else.
  }
  return fail(
    'another program listens there',
    `end it, or choose another port: ss -ltnp 'sport = :${port}' names it`,
  );
}

export async function tokenFinding(path: string, user: number): Promise<Finding> {
  const mend = `docs/edge.md makes one: install -D -m 0400 -o ${user} -g ${user} NODE.token ${path}`;
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    if (found.code === 'EACCES')
      return warn(`${path} cannot be looked at by this user`, 'run mei doctor --edge as root');
    return fail(`${path} is not there`, mend);
  }
  if (found.mode & 0o077) return fail(`${path} can be read by others`, `chmod 0400 ${path}`);
  if (found.uid !== user)
    return fail(`${path} cannot be read by the local controller`, `chown ${user}:${user} ${path}`);
  return ok(`${path}, for the local controller alone`);
}
