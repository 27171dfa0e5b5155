// What tests of JetStream share: the configuration of a stream, senders with an outbox, receivers that remember what they took.
import { Link, type LinkOptions } from '../../delivery/jetstream/link.ts';
import { streamNames } from '../../delivery/jetstream/names.ts';
import { Publisher } from '../../delivery/jetstream/publisher.ts';
import { Receiver, type ReceiverOptions } from '../../delivery/jetstream/receiver.ts';
import { defaultOutboxOptions, Outbox, type OutboxOptions } from '../../delivery/outbox.ts';
import type { JetStreamConfig } from '../../config/worker.ts';
import type { Envelope } from '../../delivery/binding.ts';
import type { OutgoingEvent } from '../../delivery/eventRows.ts';

export const task = streamNames('shop', 'queue', 'c0ffee00-1');

export function streamConfig(url: string, more: Partial<JetStreamConfig> = {}): JetStreamConfig {
  return { url, ...task, maxBytes: 64 << 20, maxAgeS: 3600, replicas: 1, leaves: [], ...more };
}

export interface Line {
  level: string;
  keys: Record<string, unknown>;
  message: string;
}

export function logInto(lines: Line[]) {
  const at = (level: string) => (keys: object, message: string) =>
    void lines.push({ level, keys: keys as Line['keys'], message });
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

const quick = { firstDelayMs: 5, longestDelayMs: 50, timeoutMs: 2000 };

export interface Sender {
  outbox: Outbox;
  link: Link;
  lines: Line[];
  close(): Promise<void>;
}

/** Everything goes to the receiver `queue-match`. */
export function sender(
  folder: string,
  config: JetStreamConfig,
  options: Partial<OutboxOptions> = {},
  files: Pick<LinkOptions, 'credentialsFile' | 'caFile'> = {},
): Sender {
  const lines: Line[] = [];
  const link = new Link({
    url: config.url,
    domain: config.domain,
    name: 'sender',
    timeoutMs: 2000,
    ...files,
  });
  const outbox = new Outbox(
    { folder, delivery: { ...defaultOutboxOptions.delivery, ...quick, troubleAfterMs: 0 }, ...options },
    {
      resolve: () => 'nats:queue-match',
      openWay: (_address, times, stopped) =>
        new Publisher({ link, config: () => config, receiver: 'queue-match', times, stopped }),
      log: logInto(lines),
    },
  );
  return {
    outbox,
    link,
    lines,
    async close() {
      await outbox.close();
      await link.close();
    },
  };
}

export interface Taker {
  receiver: Receiver;
  /** Ids of what was stored, in that order. */
  taken: string[];
  envelopes: Envelope[];
  lines: Line[];
  /** Decides what becomes of an event; by default all are stored. */
  judge: (id: string, envelope: Envelope) => void | Promise<void>;
  isWanted: boolean;
  stop(): Promise<void>;
}

export function taker(
  config: JetStreamConfig,
  options: Partial<ReceiverOptions> = {},
  files: Pick<LinkOptions, 'credentialsFile' | 'caFile'> = {},
): Taker {
  const link = new Link({ url: config.url, name: 'taker', timeoutMs: 2000, ...files });
  const made: Taker = {
    taken: [],
    envelopes: [],
    lines: [],
    judge: () => undefined,
    isWanted: true,
    receiver: undefined as unknown as Receiver,
    async stop() {
      await made.receiver.stop();
      await link.close();
    },
  };
  made.receiver = new Receiver({
    link,
    config: () => config,
    receiver: 'queue-match',
    isWanted: () => made.isWanted,
    async handle(envelope) {
      const id = String(envelope.attributes['id']);
      await made.judge(id, envelope);
      made.taken.push(id);
      made.envelopes.push(envelope);
    },
    log: logInto(made.lines),
    options: { firstDelayMs: 5, longestDelayMs: 50, lookMs: 20, upkeepMs: 100, triesOnFault: 3, ...options },
  });
  made.receiver.start();
  return made;
}

export function event(id: string, key = 'left', size = 8): OutgoingEvent {
  return {
    envelope: {
      attributes: {
        specversion: '1.0',
        id,
        source: '/namespaces/shop/multiedgeinferences/queue/embed/left',
        type: 'io.sedna.multiedge.tracklets.v1',
        partitionkey: key,
        datacontenttype: 'application/cbor',
      },
      data: { kind: 'bytes', parts: [Buffer.alloc(size, id)] },
    },
    target: 'match',
    rank: 'lasting',
  };
}

/** `left-1`, `left-2`, ... */
export function numbered(key: string, from: number, to: number): OutgoingEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => event(`${key}-${from + i}`, key));
}

/** Of one key, in the order in which they were stored. */
export function ofKey(ids: readonly string[], key: string): number[] {
  return ids.filter((id) => id.startsWith(`${key}-`)).map((id) => Number(id.slice(key.length + 1)));
}

export function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}
