// The outbox of a worker: what leaves its node goes through here, so that a lost link or a killed process loses nothing.
// worker.ts makes one when the configuration names a folder for it.
import { eventTypes } from '../../config/events.ts';
import { defaultOutboxOptions, Outbox, type OutboxFigures } from '../../delivery/outbox.ts';
import { toEnvelope } from './codec.ts';
import { shardOf } from './shards.ts';
import type { StageEvent, TrackletsData } from '../../config/events.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import type { Attributes } from '../../delivery/attributes.ts';
import type { CourierOptions } from '../../delivery/courier.ts';
import type { Rank } from '../../delivery/eventRows.ts';
import type { Tokens } from '../../delivery/sink.ts';
import type { OpenWay } from '../../delivery/way.ts';
import type { Log } from '../function.ts';

export interface NodeOutboxOptions {
  config: Pick<WorkerConfig, 'outbox' | 'sinks' | 'shards'>;
  /** Takes what `sinks` does not name. */
  defaultSink?: string | undefined;
  /** Extension attributes put on every event. */
  overrides: Attributes;
  log: Log;
  delivery?: Partial<CourierOptions>;
  /** What is shown to whoever is at this URL; undefined: nothing. */
  tokensFor?: (url: string) => Tokens | undefined;
  /** Ways other than HTTP. */
  openWay?: OpenWay | undefined;
}

export interface NodeOutbox {
  takes(type: string): boolean;
  /** Resolves once the event is on the disk. @throws PermanentError, TransientError */
  accept(event: StageEvent): Promise<void>;
  figures(): OutboxFigures;
  /** The sequence of a report: above all earlier ones, also of earlier processes and after the clock was set back. */
  nextReport(nowMs: number): number;
  settle(): Promise<void>;
  close(): Promise<void>;
}

const reportNumber = 'report';
/** Between type and camera in what outboxes call a target. */
const separator = ' ';

/** Undefined when this worker has none. @throws TransientError that names the folder */
export function openNodeOutbox({
  config,
  defaultSink,
  overrides,
  log,
  delivery,
  tokensFor = () => undefined,
  openWay,
}: NodeOutboxOptions): NodeOutbox | undefined {
  if (!config.outbox) return undefined;
  const { folder, maxBytes, maxAgeS, types } = config.outbox;
  const outbox = new Outbox(
    {
      folder,
      maxBytes,
      maxAgeMs: maxAgeS * 1000,
      delivery: { ...defaultOutboxOptions.delivery, ...delivery },
    },
    { resolve, tokensFor, openWay, log },
  );

  /** What waits for a camera goes to whoever has it when it is sent. */
  function resolve(target: string): string | undefined {
    const [type = '', camera] = target.split(separator);
    return shardOf(config, type, camera) ?? config.sinks[type] ?? defaultSink;
  }

  return {
    takes: (type) => types.includes(type),
    async accept(event) {
      const envelope = toEnvelope(event);
      Object.assign(envelope.attributes, overrides);
      const isShared = config.shards?.[event.type] !== undefined && event.partitionkey !== undefined;
      const target = isShared ? `${event.type}${separator}${event.partitionkey}` : event.type;
      await outbox.accept({ envelope, target, rank: rankOf(event) });
    },
    figures: () => outbox.figures(),
    nextReport(nowMs) {
      const sequence = Math.max(outbox.recall(reportNumber) + 1, nowMs);
      outbox.remember(reportNumber, sequence);
      return sequence;
    },
    settle: () => outbox.settle(),
    close: () => outbox.close(),
  };
}

/** A track whose start and end arrive is known without what was said of it in between. */
function rankOf(event: StageEvent): Rank {
  if (event.type === eventTypes.report) return 'report';
  if (event.type !== eventTypes.tracklets) return 'lasting';
  const { tracklets } = event.data as TrackletsData;
  return tracklets.every(({ phase }) => phase === 'update') ? 'update' : 'lasting';
}
