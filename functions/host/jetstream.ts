// JetStream's part of a worker: the ways of what it sends, and what it takes out of the stream. worker.ts loads it only where a task asks
// for it, so that others do not pay for the client.
import { Link } from '../../delivery/jetstream/link.ts';
import { isReceiver, receiverIn } from '../../delivery/jetstream/names.ts';
import { Publisher } from '../../delivery/jetstream/publisher.ts';
import { Receiver, type ReceiverFigures, type ReceiverOptions } from '../../delivery/jetstream/receiver.ts';
import { refusalOf } from './answers.ts';
import { fromEnvelope } from './codec.ts';
import { Intake, type IntakeOptions } from './intake.ts';
import type { Envelope } from '../../delivery/binding.ts';
import type { OpenWay } from '../../delivery/way.ts';
import type { JetStreamConfig, WorkerConfig } from '../../config/worker.ts';
import type { Log } from '../function.ts';
import type { Metrics } from './metrics.ts';
import type { HostedStage } from './stage.ts';

export interface JetStreamParts {
  /** Changed in place by a newer one. */
  config: WorkerConfig;
  files: { credentialsFile?: string; caFile?: string };
  log: Log;
  timeoutMs?: number;
}

export interface Intaking {
  stages: HostedStage[];
  intake: IntakeOptions;
  metrics: Metrics;
  /** Whether the worker takes events. */
  isRunning: () => boolean;
  options?: Partial<ReceiverOptions> | undefined;
}

/** A worker's connection to the stream of its task. */
export interface JetStream {
  openWay: OpenWay;
  /** Begins to take events, where this worker takes any. */
  take(parts: Intaking): void;
  /** Absent where none are taken. */
  figures(): ReceiverFigures | undefined;
  stop(): Promise<void>;
  close(): Promise<void>;
}

const connectTimeoutMs = 5000;

export function openJetStream({
  config,
  files,
  log,
  timeoutMs = connectTimeoutMs,
}: JetStreamParts): JetStream {
  const current = (): JetStreamConfig => config.jetstream!;
  const { url, domain } = current();
  const { namespace, name } = config.task;
  const link = new Link({ url, domain, ...files, name: `${namespace}/${name} ${config.worker}`, timeoutMs });
  let receiver: Receiver | undefined;
  return {
    openWay: (address, times, stopped) =>
      isReceiver(address)
        ? new Publisher({ link, config: current, receiver: receiverIn(address), times, stopped })
        : undefined,
    take(parts) {
      const own = current().receiver;
      if (own === undefined) return;
      receiver = new Receiver({
        link,
        config: current,
        receiver: own,
        isWanted: () => parts.isRunning() && parts.stages.every(({ stage }) => stage.decides?.() ?? true),
        handle: handlerOf(parts),
        log,
        ...(parts.options && { options: parts.options }),
      });
      receiver.start();
    },
    figures: () => receiver?.figures(),
    stop: async () => receiver?.stop(),
    close: () => link.close(),
  };
}

/** Events from the stream are taken as those that come over HTTP, and counted by what a sender would have heard. */
function handlerOf({ stages, intake: options, metrics }: Intaking): (envelope: Envelope) => Promise<void> {
  const intake = new Intake(stages, options, metrics);
  return async (envelope) => {
    const type = String(envelope.attributes.type);
    try {
      await intake.take([fromEnvelope(envelope)], false);
      metrics.received.inc({ type, code: '202' });
    } catch (error) {
      metrics.received.inc({ type, code: String(refusalOf(error).status) });
      throw error;
    }
  };
}
