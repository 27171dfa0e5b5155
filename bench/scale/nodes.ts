// The edge as match sees it, for the parts of this benchmark: nodes that send the tracklets of their cameras in batches, as outboxes do.
import { setTimeout as delay } from 'node:timers/promises';
import type { StageEvent, TrackletsData } from '../../config/events.ts';
import { requestOf } from '../../delivery/batch.ts';
import type { HttpMessage } from '../../delivery/binding.ts';
import { rowOf } from '../../delivery/eventRows.ts';
import { Sink, defaultSinkOptions } from '../../delivery/sink.ts';
import { outgoing } from '../traffic.ts';

const camerasOfNode = 8;

/** Events that travel together. */
export interface Request {
  events: number;
  /** When its last event happens, media time in seconds. */
  time: number;
  message: HttpMessage;
  /** Tracks that begin in it, `camera/track`. */
  begun: string[];
}

/** What each node sends, in order: a node has a few cameras. */
export function byNode(
  cameras: readonly string[],
  events: readonly StageEvent<TrackletsData>[],
): StageEvent<TrackletsData>[][] {
  const nodeOf = new Map(cameras.map((camera, i) => [camera, Math.floor(i / camerasOfNode)]));
  const nodes = Array.from(
    { length: Math.ceil(cameras.length / camerasOfNode) },
    (): StageEvent<TrackletsData>[] => [],
  );
  for (const event of events) nodes[nodeOf.get(event.data.camera)!]!.push(event);
  return nodes;
}

/** Requests of each node, in order; encoded before anything is measured. */
export async function requestsOf(
  cameras: readonly string[],
  events: readonly StageEvent<TrackletsData>[],
  perRequest: number,
): Promise<Request[][]> {
  return Promise.all(
    byNode(cameras, events).map(async (own) => {
      const requests: Request[] = [];
      for (let at = 0; at < own.length; at += perRequest)
        requests.push(await requestFrom(own.slice(at, at + perRequest)));
      return requests;
    }),
  );
}

async function requestFrom(events: readonly StageEvent<TrackletsData>[]): Promise<Request> {
  const rows = events.map((event) => rowOf(outgoing(event)));
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
  const sink = new Sink(url, defaultSinkOptions, new AbortController().signal);
  const sent: Sent = { delaysMs: [], refused: 0 };
  const began = performance.now();
  const line = async (requests: readonly Request[]) => {
    for (const request of requests) {
      const waitMs = dueMs(request) - (performance.now() - began);
      if (waitMs > 0) await delay(waitMs);
      onSent(request);
      const first = performance.now();
      while (!(await taken(sink, request))) sent.refused += 1;
      sent.delaysMs.push(performance.now() - first);
    }
  };
  try {
    await Promise.all(nodes.map(line));
  } finally {
    await sink.close();
  }
  return sent;
}

/** False: it was asked to come again, and has waited for that. */
async function taken(sink: Sink, { message }: Request): Promise<boolean> {
  const outcome = await sink.attempt(message);
  if (outcome.kind === 'accepted') return true;
  if (outcome.kind === 'refused' || outcome.status === undefined)
    throw new Error(`not taken: ${outcome.status ?? 'no answer'} ${outcome.detail}`);
  await delay(outcome.retryAfterMs);
  return false;
}
