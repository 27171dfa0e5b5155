// Where local controllers dial in, and where Sedna's REST routes are: HTTPS with WebSocket. Only the leader listens, because
// only it knows what nodes should have; main.ts starts it once all tasks are published.
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { messageOf } from '../errors.ts';
import { watchHeartbeat, type HeartbeatTiming } from '../link/heartbeat.ts';
import { largestAnswer, linkProtocol } from '../link/events.ts';
import { listen, paramsOf, RefusedError, respond, type HttpRequest, type Route } from '../link/http.ts';
import type { Log } from '../log.ts';
import { authenticate, isStillValid } from './credentials.ts';
import type { Downstream } from './downstream.ts';

export interface LinkServerOptions {
  downstream: Downstream;
  /** Others than the link; each authenticates its callers itself. */
  routes(authenticate: (request: HttpRequest, entry: string) => Promise<void>): Route[];
  files: LinkFiles;
  port: number;
  host: string;
  heartbeat: HeartbeatTiming;
  log: Log;
}

/** Files of the server; they are looked at again every now and then. */
export interface LinkFiles {
  certificate: string;
  key: string;
  /** Authority of client certificates; absent: tokens only. */
  clientCa?: string;
  /** See credentials.ts. */
  tokensFolder: string;
}

export interface LinkServer {
  port: number;
  close(): Promise<void>;
}

const mostConnections = 4096;
const reloadMs = 10_000;
const linkPath = '/v1/nodes/:node/link';

/** @throws Error when a file cannot be read or the port is taken */
export async function serveLinks(options: LinkServerOptions): Promise<LinkServer> {
  const { files, downstream, heartbeat, log } = options;
  /** Also those that are still in their TLS handshake: nothing else knows them. */
  const connections = new Set<Socket>();
  const routes = options.routes((request, entry) => authenticate(files, request.message, entry));
  const server = createServer(
    { ...tlsOptions(files), headersTimeout: 10_000, requestTimeout: 30_000, maxHeaderSize: 16 << 10 },
    (request, response) => void respond(routes, request, response, log),
  );
  server.maxConnections = mostConnections;
  server.on('connection', (connection: Socket) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  const acceptor = new WebSocketServer({
    noServer: true,
    maxPayload: largestAnswer,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(linkProtocol) ? linkProtocol : false),
  });

  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    admit(request).then(
      (node) => acceptor.handleUpgrade(request, stream, head, (socket) => linked(node, request, socket)),
      (error: unknown) => turnAway(stream, error, log),
    );
  });

  async function admit(request: IncomingMessage): Promise<string> {
    const path = request.url ?? '/';
    const isPath = path.startsWith('/') && URL.canParse(`https://host${path}`);
    const node = isPath ? paramsOf(linkPath, new URL(`https://host${path}`).pathname)?.['node'] : undefined;
    if (node === undefined) throw new RefusedError(404, 'there is no link here');
    await authenticate(files, request, node);
    if (!(request.headers['sec-websocket-protocol'] ?? '').split(/,\s*/).includes(linkProtocol))
      throw new RefusedError(400, `this controller speaks ${linkProtocol}: use one version on both sides`);
    return node;
  }

  function linked(node: string, request: IncomingMessage, socket: WebSocket): void {
    socket.on('error', (error) => log.warn({ node, error: messageOf(error) }, 'a link failed'));
    watchHeartbeat(socket, heartbeat);
    // A token that was withdrawn ends the connection that was made with it.
    const check = setInterval(() => {
      void isStillValid(files, request, node).then((isValid) => {
        if (!isValid) socket.close(4001, 'the token is not valid any more');
      });
    }, heartbeat.pingMs);
    socket.once('close', () => clearInterval(check));
    downstream.connect(node, socket);
  }

  const reloading = keepCertificate(server, files, log);
  const port = await listen(server, options.port, options.host);
  return {
    port,
    async close() {
      clearInterval(reloading);
      const closed = new Promise((resolve) => server.close(resolve));
      for (const connection of connections) connection.destroy();
      await closed;
    },
  };
}

function tlsOptions({ certificate, key, clientCa }: LinkFiles): ServerOptions {
  return {
    cert: readFileSync(certificate),
    key: readFileSync(key),
    minVersion: 'TLSv1.2',
    // A client without a certificate, or with a foreign one, may still have a token.
    ...(clientCa !== undefined && {
      ca: readFileSync(clientCa),
      requestCert: true,
      rejectUnauthorized: false,
    }),
  };
}

/** Renewed certificates are taken without a restart. */
function keepCertificate(server: Server, files: LinkFiles, log: Log): NodeJS.Timeout {
  const read = () =>
    [files.certificate, files.key, files.clientCa].map((file) => file && readFileSync(file, 'utf8'));
  let current = read().join();
  return setInterval(() => {
    try {
      const found = read().join();
      if (found === current) return;
      server.setSecureContext(tlsOptions(files));
      current = found;
      log.info({}, 'certificate renewed');
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'certificate not renewed');
    }
  }, reloadMs).unref();
}

function turnAway(stream: Duplex, error: unknown, log: Log): void {
  const isOurs = error instanceof RefusedError;
  if (!isOurs) log.error({ error: messageOf(error) }, 'a link could not be admitted');
  const status = isOurs ? error.status : 500;
  const text = `${isOurs ? error.message : 'something went wrong here'}\n`;
  const head = `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: text/plain\r\n`;
  stream.end(`${head}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`, () => stream.destroy());
}
