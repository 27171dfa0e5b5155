// What the kubelet and Prometheus ask the controller's process; main.ts starts it.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface HealthOptions {
  port: number;
  host: string;
  /** Undefined when ready, else why not. */
  unready: () => string | undefined;
  metrics: Registry;
}

/** `/healthz`, `/readyz`, `/metrics`. Resolves when it listens. @throws Error when the port is taken */
export async function serveHealth({ port, host, unready, metrics }: HealthOptions): Promise<Health> {
  const server = createServer((request, response) => {
    const answer = (code: number, text: string, type = 'text/plain') =>
      response.writeHead(code, { 'content-type': type }).end(text);
    if (request.url === '/healthz') return answer(200, 'ok\n');
    if (request.url === '/readyz') {
      const reason = unready();
      return answer(reason === undefined ? 200 : 503, `${reason ?? 'ok'}\n`);
    }
    if (request.url !== '/metrics') return answer(404, 'there is /healthz, /readyz and /metrics\n');
    metrics.metrics().then(
      (text) => answer(200, text, metrics.contentType),
      () => answer(500, 'metrics failed\n'),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

export interface Health {
  port: number;
  close(): void;
}

function closeServer(server: Server): void {
  server.close();
  server.closeAllConnections();
}
