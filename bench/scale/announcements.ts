// Hears what match announces, for live.ts, and when.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { eventTypes, type IdentitiesData } from '../../config/events.ts';
import { parse } from '../../delivery/binding.ts';
import { fromEnvelope } from '../../functions/host/codec.ts';

export interface Announcements {
  url: string;
  /** `camera/track` -> when it was first said who that is, by performance.now(). */
  firstMs: Map<string, number>;
  close(): Promise<void>;
}

export async function hearAnnouncements(): Promise<Announcements> {
  const firstMs = new Map<string, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      for (const envelope of parse(request.headers, plain, { batch: true })) {
        const { type, data } = fromEnvelope(envelope);
        if (type !== eventTypes.identities) continue;
        for (const change of (data as IdentitiesData).changes) {
          if (change.kind !== 'assigned') continue;
          const key = `${change.camera}/${change.track}`;
          if (!firstMs.has(key)) firstMs.set(key, performance.now());
        }
      }
      response.writeHead(202).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    firstMs,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
