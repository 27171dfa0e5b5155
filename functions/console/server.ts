// The console by itself on a port of this machine; `mei run` and `mei console` start it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { consolePath, createConsole, type ConsoleOptions } from './router.ts';

export interface ConsoleServer {
  url: string;
  close(): Promise<void>;
}

/** @param port 0: any free one @throws Error when the port is taken */
export async function serveConsole(
  options: ConsoleOptions,
  { port, host }: { port: number; host: string },
): Promise<ConsoleServer> {
  const view = createConsole(options);
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.get('/', (_request, response) => response.redirect(`${consolePath}/`));
  app.use(consolePath, view.router);
  const server = createServer({ maxHeaderSize: 16 << 10, requestTimeout: 60_000 }, app);
  server.maxConnections = 512;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shown}:${(server.address() as AddressInfo).port}${consolePath}/`,
    async close() {
      view.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
