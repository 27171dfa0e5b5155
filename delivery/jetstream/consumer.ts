// The consumer of a receiver's term: receiver.ts begins each one here, and keeps the stream from filling up with what was taken.
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { consumerName, filterOf, termIn } from './names.ts';
import type { ConsumerInfo, StreamInfo } from '@nats-io/jetstream';
import type { Connected } from './link.ts';
import type { JetStreamConfig } from '../../config/worker.ts';

export interface ConsumerLimits {
  /** Events that are handed over and not acknowledged. */
  mostUnacknowledged: number;
  /** After so long without a word the server hands an event over again. */
  ackWaitMs: number;
}

/**
 * Makes a consumer that goes on behind everything that the one before has acknowledged, and removes that one. So events come again
 * in their order, at once; to one consumer that lives on, the server would hand over new events before those that were under way. It
 * also ends whoever takes events in an older term.
 */
export async function beginTerm(
  { admin }: Connected,
  config: JetStreamConfig,
  receiver: string,
  { mostUnacknowledged, ackWaitMs }: ConsumerLimits,
): Promise<string> {
  const before: { term: number; info: ConsumerInfo }[] = [];
  for await (const info of admin.consumers.list(config.stream)) {
    const term = termIn(receiver, info.name);
    if (term !== undefined) before.push({ term, info });
  }
  before.sort((a, b) => b.term - a.term);
  const [last] = before;
  const name = consumerName(receiver, (last?.term ?? 0) + 1);
  await admin.consumers.add(config.stream, {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: mostUnacknowledged,
    max_deliver: -1,
    filter_subject: filterOf(config, receiver),
    ...(last
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: last.info.ack_floor.stream_seq + 1 }
      : { deliver_policy: DeliverPolicy.All }),
  });
  for (const { info } of before)
    await admin.consumers.delete(config.stream, info.name).catch(() => undefined);
  return name;
}

/**
 * A full stream refuses what is new, so what was taken goes once it is half full; before that it stays for whoever looks. The newest
 * stay in any case: by them the server knows where to go on with each leaf node.
 */
export async function makeRoom(
  { admin }: Connected,
  config: JetStreamConfig,
  receiver: string,
  { state }: StreamInfo,
  consumer: ConsumerInfo,
): Promise<void> {
  if (state.bytes < config.maxBytes / 2) return;
  await admin.streams.purge(config.stream, {
    filter: filterOf(config, receiver),
    seq: Math.min(consumer.ack_floor.stream_seq + 1, state.last_seq - Math.floor(state.messages / 4)),
  });
}
