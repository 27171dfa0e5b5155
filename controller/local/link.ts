// Keeps a local controller connected to the controller: it dials, because nodes sit behind NAT. main.ts starts it.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket, type ClientOptions } from 'ws';
import { backoffMs } from '../backoff.ts';
import { messageOf } from '../errors.ts';
import { watchHeartbeat } from '../link/heartbeat.ts';
import {
  largestMessage,
  linkMessage,
  linkProtocol,
  parseLinkMessage,
  type LinkEvent,
} from '../link/events.ts';
import type { Log } from '../log.ts';
import type { Answer } from './receive.ts';
import type { Settings } from './settings.ts';

export interface LinkOptions {
  settings: Settings;
  log: Log;
  /** Does what an event asks; its answer goes back. Throws when the other end is no controller. */
  receive: (event: LinkEvent) => Answer;
}

export interface Link {
  isConnected(): boolean;
  /** Connections so far. */
  connections(): number;
  /** Why there is none, in words; undefined while there is. */
  problem(): string | undefined;
}

const handshakeTimeoutMs = 10_000;
/** A connection that held so long starts the backoff anew. */
const stableMs = 10_000;
const tokenBytes = 4096;

/** Dials again and again until `signal` aborts. */
export function keepLinked(options: LinkOptions, signal: AbortSignal): Link & { ended: Promise<void> } {
  const { settings, log } = options;
  let problem: string | undefined = 'not connected yet';
  let connections = 0;

  async function run(): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      const beganMs = performance.now();
      const onOpen = () => {
        problem = undefined;
        connections++;
        log.info({ controller: settings.controllerUrl.host }, 'connected to the controller');
      };
      const reason = await connectOnce(options, signal, onOpen);
      if (signal.aborted) return;
      if (problem === undefined && performance.now() - beganMs > stableMs) failures = 0;
      problem = reason;
      const waitMs = backoffMs(failures++, settings.reconnectMs);
      log.warn({ reason, retryInMs: Math.round(waitMs) }, 'not connected to the controller');
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    ended: run(),
    isConnected: () => problem === undefined,
    connections: () => connections,
    problem: () => problem,
  };
}

/** Resolves with the reason when the connection is over, or never came about. */
async function connectOnce(
  { settings, log, receive }: LinkOptions,
  signal: AbortSignal,
  onOpen: () => void,
): Promise<string> {
  let socket: WebSocket;
  try {
    const address = new URL(`/v1/nodes/${settings.node}/link`, settings.controllerUrl);
    socket = new WebSocket(address, [linkProtocol], clientOptions(settings));
  } catch (error) {
    return messageOf(error);
  }
  let reason: string | undefined;
  const end = () => socket.terminate();
  signal.addEventListener('abort', end, { once: true });
  watchHeartbeat(socket, settings.heartbeat);
  socket.on('open', onOpen);
  socket.on('unexpected-response', (_request, response) => {
    // What is destroyed with an answer half read complains, and nobody else listens.
    for (const part of [response, response.socket]) part.on('error', () => socket.terminate());
    response.setEncoding('utf8');
    response.once('data', (text: string) => {
      reason = `the controller answers ${response.statusCode}: ${text.trim().slice(0, 200)}`;
      socket.terminate();
    });
    response.once('end', () => socket.terminate());
    reason = `the controller answers ${response.statusCode}`;
  });
  socket.on('message', (data, isBinary) => {
    try {
      if (isBinary) throw new Error('it sends bytes instead of text');
      const event = parseLinkMessage((data as Buffer).toString('utf8'), taken);
      socket.send(answerTo(receive(event), settings.node, event.id));
    } catch (error) {
      // Not a controller, or one that this version does not understand: nothing of it may be stored.
      reason = `the other end is no controller that this version knows: ${messageOf(error)}`;
      log.error({ reason }, 'link given up');
      socket.terminate();
    }
  });
  socket.on('error', (error) => {
    reason ??= messageOf(error);
  });
  return new Promise((resolve) => {
    socket.once('close', (code, text) => {
      signal.removeEventListener('abort', end);
      const words = text.toString('utf8');
      resolve(
        reason ?? (code === 1006 ? 'the connection was lost' : `the controller closed it: ${words || code}`),
      );
    });
  });
}

const taken = ['inventory', 'insert', 'update', 'delete'] as const;

function answerTo(answer: Answer, node: string, id: string): string {
  const event: LinkEvent =
    'reason' in answer
      ? { name: 'refused', id: `answer-${id}`, data: answer }
      : { name: 'acknowledged', id: `answer-${id}`, data: answer };
  return linkMessage(event, `/nodes/${node}`);
}

/** Read each time, so that renewed tokens and certificates need no restart. @throws Error naming the file */
function clientOptions({ caFile, tokenFile, certificateFile, keyFile }: Settings): ClientOptions {
  const token = tokenFile === undefined ? undefined : readFileSync(tokenFile, 'utf8').trim();
  if (token !== undefined && (token === '' || token.length > tokenBytes || /[^\x21-\x7e]/.test(token)))
    throw new Error(`${tokenFile}: holds no token; see docs/edge.md for how one is made`);
  return {
    maxPayload: largestMessage,
    perMessageDeflate: false,
    followRedirects: false,
    handshakeTimeout: handshakeTimeoutMs,
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certificateFile !== undefined &&
      keyFile !== undefined && {
        cert: readFileSync(certificateFile),
        key: readFileSync(keyFile),
      }),
  };
}
