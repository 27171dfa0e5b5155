// Stands between edge and cloud and does what links do: cuts, freezes without a word, delays, repeats and holds back.
import { once } from 'node:events';
import { createServer as createHttpServer, request as httpRequest, type Server } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Link {
  url: string;
  /** `cut` refuses; `frozen` keeps connections open and passes nothing, as after a router's reboot. */
  state: 'open' | 'cut' | 'frozen';
  /** Connections so far. */
  connections: number;
  close(): Promise<void>;
}

/** A link on the level of TCP. */
export async function openLink(target: () => string, state: Link['state'] = 'open'): Promise<Link> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    link.connections++;
    if (state === 'cut') return void near.destroy();
    const { hostname, port } = new URL(target());
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        // A frozen link does not even tell that the other end is gone.
        if (state !== 'frozen') to.destroy();
      });
      from.on('data', (chunk: Buffer) => state === 'open' && to.write(chunk));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const link: Link = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    get state() {
      return state;
    },
    set state(next) {
      state = next;
      if (next === 'cut') for (const socket of sockets) socket.destroy();
    },
    connections: 0,
    async close() {
      state = 'cut';
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return link;
}

interface Held {
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export interface UnrulyOptions {
  next: () => number;
  /** Before each answer. */
  delayMs: number;
  /** Share of requests that are passed on although their sender hears 503, and comes again. */
  lostAnswers: number;
  /** Share of requests before which an older one is passed on once more. */
  repeats: number;
  /** Share of requests that are refused with 503 at first. */
  refusals: number;
}

/** A link on the level of HTTP that loses answers, and passes old requests on again in the middle of new ones. */
export async function openUnrulyLink(
  target: () => string,
  options: UnrulyOptions,
): Promise<Omit<Link, 'state'>> {
  const { next, delayMs, lostAnswers, repeats, refusals } = options;
  const old: Held[] = [];
  const server: Server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const held = { headers: request.headers, body: Buffer.concat(chunks) };
      answer(held).then(
        (status) => response.writeHead(status).end(),
        () => response.writeHead(503).end(),
      );
    });
  });
  async function answer(held: Held): Promise<number> {
    if (next() < refusals) return 503;
    if (old.length > 0 && next() < repeats) await pass(target(), old[Math.floor(next() * old.length)]!);
    const status = await pass(target(), held);
    if (status < 300) old.push(held);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    return next() < lostAnswers ? 503 : status;
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    get connections() {
      return old.length;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function pass(url: string, { headers, body }: Held): Promise<number> {
  return new Promise((resolve, reject) => {
    const { host: _host, connection: _connection, ...kept } = headers;
    const request = httpRequest(url, { method: 'POST', headers: kept }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 500));
    });
    request.on('error', reject);
    request.end(body);
  });
}
