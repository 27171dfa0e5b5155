// The edge as match sees it, for the parts of this benchmark: nodes that send the tracklets of their cameras in batches, as outboxes do.
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { StageEvent, TrackletsData } from '../../config/events.ts';
import { requestOf } from '../../delivery/batch.ts';
import type { HttpMessage } from '../../delivery/binding.ts';
import { rowOf } from '../../delivery/eventRows.ts';
import { toEnvelope } from '../../functions/host/codec.ts';

const camerasOfNode = 8;
const requestDeadlineMs = 60_000;

/** Events that travel together. */
export interface Request {
  events: number;
  /** When its last event happens, media time in seconds. */
  time: number;
  message: HttpMessage;
  /** Tracks that begin in it, `camera/track`. */
  begun: string[];
}

/** Requests of each node, in order; encoded before anything is measured. */
export async function requestsOf(
  cameras: readonly string[],
  events: readonly StageEvent<TrackletsData>[],
  perRequest: number,
): Promise<Request[][]> {
  const nodeOf = new Map(cameras.map((camera, i) => [camera, Math.floor(i / camerasOfNode)]));
  const byNode = new Map<number, StageEvent<TrackletsData>[]>();
  for (const event of events) {
    const node = nodeOf.get(event.data.camera)!;
    byNode.set(node, byNode.get(node) ?? []);
    byNode.get(node)!.push(event);
  }
  return Promise.all(
    [...byNode.values()].map(async (own) => {
      const requests: Request[] = [];
      for (let at = 0; at < own.length; at += perRequest)
        requests.push(await requestFrom(own.slice(at, at + perRequest)));
      return requests;
    }),
  );
}

async function requestFrom(events: readonly StageEvent<TrackletsData>[]): Promise<Request> {
  const rows = events.map((event) =>
    rowOf({ envelope: toEnvelope(event), target: event.type, rank: 'lasting' }),
  );
  return {
    events: events.length,
    time: Date.parse(events.at(-1)!.time!) / 1000,
    message: await requestOf(rows),
    begun: events.flatMap(({ data }) =>
      data.tracklets.filter(({ phase }) => phase === 'start').map(({ track }) => `${data.camera}/${track}`),
    ),
  };
}

export interface Sent {
  /** From a request's first try to its acknowledgement, milliseconds: every event is stored then. */
  delaysMs: number[];
  /** Answers that asked to come again later. */
  refused: number;
}

/**
 * Posts the requests of each node in order, nodes side by side.
 * @param dueMs when a request may be sent, milliseconds from now; absent: as soon as the one before it was taken
 * @throws Error when one is refused for good
 */
export async function send(
  nodes: readonly Request[][],
  url: string,
  dueMs: (request: Request) => number = () => 0,
  onSent: (request: Request) => void = () => {},
): Promise<Sent> {
  const pool = new Pool(new URL(url).origin, { connections: 16, headersTimeout: requestDeadlineMs });
  const sent: Sent = { delaysMs: [], refused: 0 };
  const began = performance.now();
  const line = async (requests: readonly Request[]) => {
    for (const request of requests) {
      const waitMs = dueMs(request) - (performance.now() - began);
      if (waitMs > 0) await delay(waitMs);
      onSent(request);
      const first = performance.now();
      while (!(await posted(pool, request))) sent.refused += 1;
      sent.delaysMs.push(performance.now() - first);
    }
  };
  try {
    await Promise.all(nodes.map(line));
  } finally {
    await pool.destroy();
  }
  return sent;
}

/** False: it was asked to come again, and has waited for that. */
async function posted(pool: Pool, { message }: Request): Promise<boolean> {
  const { statusCode, headers, body } = await pool.request({
    method: 'POST',
    path: '/',
    headers: message.headers,
    body: Buffer.concat(message.parts),
  });
  const answer = await body.text();
  if (statusCode < 300) return true;
  if (statusCode !== 429 && statusCode !== 503) throw new Error(`refused (${statusCode}): ${answer}`);
  await delay(Number(headers['retry-after'] ?? 1) * 1000);
  return false;
}
