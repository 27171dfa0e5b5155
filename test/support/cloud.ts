// A cloud that takes every event and remembers each byte that reached it; tests and benchmarks put it in place of match
// and status.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { eventTypes, type StageEvent } from '../../config/events.ts';
import { parse, type Envelope } from '../../delivery/binding.ts';
import { fromEnvelope } from '../../functions/host/codec.ts';

/** One HTTP request, with one event or a batch of them. */
export interface Arrival {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** Names and values as they came, for counting and for looking into. */
  rawHeaders: string[];
  /** As it came. */
  body: Buffer;
  /** Decompressed. */
  content: Buffer;
}

/** One event. */
export interface Crossing {
  /** When it was there, by performance.now(). */
  atMs: number;
  arrival: Arrival;
  event: StageEvent;
  /** The bytes of the event's data. */
  body: Buffer;
}

export interface RecordingCloud {
  url: string;
  arrivals: Arrival[];
  crossings: Crossing[];
  /** Resolves when the streams of so many cameras have ended. */
  ended(cameras: number, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function startRecordingCloud(): Promise<RecordingCloud> {
  const arrivals: Arrival[] = [];
  const crossings: Crossing[] = [];
  const endedCameras = new Set<string>();
  let wake: () => void = () => undefined;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const { method = '', url: path = '', headers, rawHeaders } = request;
      const content = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      const arrival = { method, path, headers, rawHeaders, body, content };
      arrivals.push(arrival);
      for (const envelope of parse(headers, content, { batch: true })) {
        const event = fromEnvelope(envelope);
        crossings.push({ atMs: performance.now(), arrival, event, body: dataOf(envelope) });
        if (event.type === eventTypes.stream) endedCameras.add((event.data as { camera: string }).camera);
      }
      response.writeHead(202).end();
      wake();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    arrivals,
    crossings,
    async ended(cameras, timeoutMs) {
      const deadline = AbortSignal.timeout(timeoutMs);
      while (endedCameras.size < cameras) {
        await new Promise<void>((resolve, reject) => {
          wake = resolve;
          deadline.onabort = () =>
            reject(new Error(`${endedCameras.size} of ${cameras} cameras ended within ${timeoutMs} ms`));
        });
      }
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function dataOf({ data }: Envelope): Buffer {
  if (data.kind === 'none') return Buffer.alloc(0);
  return data.kind === 'bytes' ? Buffer.concat(data.parts) : Buffer.from(JSON.stringify(data.value));
}

/** Bytes of a request as HTTP/1.1 carries them: request line, headers, body. */
export function wireBytes({ method, path, rawHeaders, body }: Arrival): number {
  const headers = rawHeaders.reduce((sum, text) => sum + text.length, 0) + rawHeaders.length * 2;
  return method.length + path.length + ' HTTP/1.1\r\n'.length + 1 + headers + 2 + body.length;
}
