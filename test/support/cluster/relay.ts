// Stands between a controller and the API server of a test: it counts what passes, holds it back, loses it or breaks it off.
// Fault tests of the controller start it; to the controller it is the API server itself, certificate and all.
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

/** A request as the controller sent it. */
export interface Passing {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
}

/** What a test wants to happen; nothing of it is needed. */
export interface RelayHooks {
  /** Before a write goes on to the server; false: it gets lost. One at a time, so that `n writes` means the same each time. */
  beforeWrite?: (write: Passing) => boolean;
  /** When the server has done it; false: the answer gets lost. */
  afterWrite?: (write: Passing) => boolean;
  /** A read that is no watch waits for it. */
  beforeRead?: (read: Passing) => Promise<void> | void;
  /** Before a piece of a watch is handed on; false: it gets lost. */
  beforePiece?: (watch: Passing, piece: Buffer) => boolean;
}

export class Relay {
  hooks: RelayHooks = {};
  /** Who connects is reset. */
  isAway = false;
  /** Reads that are no watches, and writes, as `METHOD /path` with the object's name; without those of the lease. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #upstream: Agent;
  readonly #target: string;
  /** By the port of the other side, because requests only know the TLS socket above. */
  readonly #sockets = new Map<number, Socket>();
  /** Open, but nothing passes any more, and nobody is told. */
  readonly #frozen = new Set<number>();
  readonly #heldPaths = new Set<string>();
  #isHalving = false;
  #waitingPieces: (() => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  private constructor({ url, folder, certificate }: Pick<Cluster, 'url' | 'folder' | 'certificate'>) {
    this.#target = url;
    this.#upstream = new Agent({ ca: certificate, keepAlive: true, maxSockets: 256 });
    const key = readFileSync(join(folder, 'apiserver.key'));
    this.#server = createServer({ key, cert: certificate }, (asked, answer) => this.#relay(asked, answer));
    this.#server.on('connection', (socket: Socket) => {
      socket.on('error', () => {});
      if (this.isAway) return void socket.resetAndDestroy();
      const port = socket.remotePort!;
      this.#sockets.set(port, socket);
      socket.on('close', () => {
        this.#sockets.delete(port);
        this.#frozen.delete(port);
      });
    });
    this.#server.on('tlsClientError', () => {});
  }

  /** Uses the certificate that the API server made for itself: it is good for 127.0.0.1. */
  static async start(cluster: Pick<Cluster, 'url' | 'folder' | 'certificate'>): Promise<Relay> {
    const relay = new Relay(cluster);
    await new Promise<void>((resolve, reject) => {
      relay.#server.once('error', reject);
      relay.#server.listen(0, '127.0.0.1', resolve);
    });
    return relay;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  writes(): string[] {
    return this.requests.filter((line) => !line.startsWith('GET '));
  }

  /** How often lists of a kind were begun: first pages only, not questions after single objects. */
  lists(): string[] {
    return this.requests.filter((line) => /^GET (?!\S*\/namespaces\/)\S+ list$/.test(line));
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets.values()) socket.resetAndDestroy();
  }

  /** Of the next piece of a watch only half arrives; then every connection is reset. */
  cutAfterHalf(): void {
    this.#isHalving = true;
  }

  /** From now on nothing passes on any connection that is open, in either direction; new ones work. */
  freeze(): void {
    for (const port of this.#sockets.keys()) this.#frozen.add(port);
  }

  /** Watches of these lag behind until they are released. */
  hold(plural: string): void {
    this.#heldPaths.add(plural);
  }

  release(): void {
    this.#heldPaths.clear();
    for (const hand of this.#waitingPieces.splice(0)) hand();
  }

  async close(): Promise<void> {
    this.cut();
    this.#upstream.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(asked: IncomingMessage, answer: ServerResponse): void {
    if (this.#frozen.has(asked.socket.remotePort!)) return;
    const url = new URL(asked.url ?? '/', this.#target);
    const passing: Passing = { method: asked.method ?? '', path: url.pathname, query: url.searchParams };
    const isLease = url.pathname.includes('/leases');
    if (isLease) return void this.#passOn(asked, answer, passing).catch(() => {});
    const isWatch = url.searchParams.has('watch');
    if (!isWatch && passing.method !== 'POST') this.requests.push(describe(passing));
    const done =
      passing.method === 'GET'
        ? this.#passRead(asked, answer, passing, isWatch)
        : this.#inTurn(() => this.#passWrite(asked, answer, passing));
    done.catch(() => asked.socket.destroy());
  }

  async #passRead(asked: IncomingMessage, answer: ServerResponse, passing: Passing, isWatch: boolean) {
    if (!isWatch) await this.hooks.beforeRead?.(passing);
    await this.#passOn(asked, answer, passing);
  }

  /** One that fails, as when its sender is killed, holds up none that come after. */
  #inTurn(pass: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(pass);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #passWrite(asked: IncomingMessage, answer: ServerResponse, passing: Passing): Promise<void> {
    if (answer.destroyed) return;
    const body: Buffer[] = [];
    for await (const piece of asked) body.push(piece as Buffer);
    if (passing.method === 'POST') this.requests.push(`POST ${passing.path}/${nameIn(body)}`);
    if (this.hooks.beforeWrite?.(passing) === false) return void asked.socket.destroy();
    await this.#passOn(asked, answer, passing, body).catch(() => asked.socket.destroy());
  }

  /** Resolves when the whole answer has gone by. */
  #passOn(asked: IncomingMessage, answer: ServerResponse, passing: Passing, body?: Buffer[]): Promise<void> {
    const port = asked.socket.remotePort!;
    return new Promise((resolve, reject) => {
      const { method, headers } = asked;
      const sent = request(
        new URL(asked.url!, this.#target),
        { method: method!, headers, agent: this.#upstream },
        (response) => {
          if (method !== 'GET' && this.hooks.afterWrite?.(passing) === false) {
            asked.socket.destroy();
            return resolve();
          }
          if (!this.#frozen.has(port))
            answer.writeHead(response.statusCode!, response.headers).flushHeaders();
          response.on('data', (piece: Buffer) => this.#hand(passing, port, answer, piece));
          response.on('error', reject);
          response.on('end', () => {
            if (!this.#frozen.has(port)) answer.end();
            resolve();
          });
        },
      );
      sent.on('error', reject);
      answer.on('close', () => sent.destroy(new Error('the controller has gone')));
      if (body) sent.end(Buffer.concat(body));
      else asked.pipe(sent);
    });
  }

  #hand(passing: Passing, port: number, answer: ServerResponse, piece: Buffer): void {
    const isWatch = passing.query.has('watch');
    if (isWatch && [...this.#heldPaths].some((plural) => passing.path.endsWith(`/${plural}`)))
      return void this.#waitingPieces.push(() => answer.write(piece));
    if (isWatch && this.hooks.beforePiece?.(passing, piece) === false) return;
    if (isWatch && this.#isHalving) {
      this.#isHalving = false;
      answer.write(piece.subarray(0, piece.length / 2), () => this.cut());
    } else if (!this.#frozen.has(port)) answer.write(piece);
  }
}

/** What is created tells its name in the body only. */
function nameIn(body: Buffer[]): string {
  const { metadata } = JSON.parse(Buffer.concat(body).toString()) as { metadata?: { name?: string } };
  return metadata?.name ?? '';
}

function describe({ method, path, query }: Passing): string {
  if (method !== 'GET') return `${method} ${path}`;
  if (!query.has('limit')) return `GET ${path}`;
  return `GET ${path} ${query.has('continue') ? 'page' : 'list'}`;
}
