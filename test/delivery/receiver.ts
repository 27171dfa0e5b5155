// A receiver of events that answers as a test says, and remembers what it took, in the order in which it took it.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { parse, type Envelope } from '../../delivery/binding.ts';

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
  /** Never answers. */
  silent?: boolean;
}

export interface Receiver {
  url: string;
  /** One entry a request. */
  requests: { headers: IncomingHttpHeaders; ids: string[]; answer: Answer }[];
  /** What was taken, request after request. */
  taken: Envelope[];
  ids(): string[];
  answer: (ids: string[], headers: IncomingHttpHeaders) => Answer;
  close(): Promise<void>;
}

export async function startReceiver(port = 0): Promise<Receiver> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const whole = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole;
      const envelopes = parse(request.headers, body, { batch: true });
      const ids = envelopes.map(({ attributes }) => String(attributes['id']));
      const answer = receiver.answer(ids, request.headers);
      receiver.requests.push({ headers: request.headers, ids, answer });
      if (answer.silent) return;
      if (answer.status < 300) receiver.taken.push(...envelopes);
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests: [],
    taken: [],
    ids: () => receiver.taken.map(({ attributes }) => String(attributes['id'])),
    answer: () => ({ status: 202 }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

/** Resolves as soon as `condition` holds. @throws Error after `deadlineMs` */
export async function until(condition: () => boolean, what: string, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
