// The Prometheus registry of one worker: every part of the host counts here, server.ts serves it at /metrics.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CameraReport } from '../../config/events.ts';
import { metric, type MetricName } from '../../config/metrics.ts';
import type { OutboxFigures } from '../../delivery/outbox.ts';
import type { ReceiverFigures } from '../../delivery/jetstream/receiver.ts';
import type { StageStatus } from '../function.ts';
import type { StageName } from '../../config/worker.ts';

/** What metrics read from a hosted stage at each scrape. */
export interface StageGauges {
  name: StageName;
  inbox: { length: number; bytes: number; waiting: number };
  status(): StageStatus | undefined;
}

/** Counters and gauges of one worker, in a registry of its own so that two workers of one test never meet. */
export class Metrics {
  readonly registry = new Registry();
  readonly received = this.#counter<'type' | 'code'>('mei_events_received_total');
  readonly emitted = this.#counter<'type' | 'code'>('mei_events_emitted_total');
  readonly duplicates = this.#counter<'stage'>('mei_events_duplicate_total');
  readonly retries = this.#counter<'type' | 'cause'>('mei_send_retries_total');
  readonly dropped = this.#counter<'type' | 'reason'>('mei_events_dropped_total');
  readonly handling = new Histogram({
    ...metric('mei_handling_seconds'),
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  /** Registers what is read at scrape time: queues, and the figures of each stage's status(). */
  watch(stages: StageGauges[]) {
    const each = (name: MetricName, read: (stage: StageGauges) => number) =>
      this.#gauge(name, (gauge) => {
        for (const stage of stages) gauge.set({ stage: stage.name }, read(stage));
      });
    each('mei_queue_events', (stage) => stage.inbox.length);
    each('mei_queue_bytes', (stage) => stage.inbox.bytes);
    each('mei_queue_waiting', (stage) => stage.inbox.waiting);
    this.#watchFigures(stages);
  }

  /** Registers what is read of the outbox at scrape time. */
  watchOutbox(read: () => OutboxFigures) {
    const gauge = (name: MetricName, value: (figures: OutboxFigures) => number) =>
      this.#gauge(name, (made) => made.set(value(read())));
    gauge('mei_outbox_events', ({ waiting }) => waiting);
    gauge('mei_outbox_bytes', ({ bytes }) => bytes);
    gauge('mei_outbox_oldest_seconds', ({ oldestS }) => oldestS);
    gauge('mei_outbox_dead_letters', ({ deadLetters }) => deadLetters);
    new Counter({
      ...metric('mei_outbox_total'),
      registers: [this.registry],
      collect() {
        this.reset();
        const { delivered, retries, dropped } = read();
        this.inc({ outcome: 'delivered' }, delivered);
        this.inc({ outcome: 'tried again' }, retries);
        for (const [reason, value] of Object.entries(dropped))
          this.inc({ outcome: `dropped: ${reason}` }, value);
      },
    });
  }

  /** Registers what is read at scrape time of the stream that events are taken out of. */
  watchStream(read: () => ReceiverFigures) {
    this.#gauge('mei_stream_events', (made) => made.set(read().waiting));
    this.#gauge('mei_stream_up', (made) => made.set(read().problem === undefined ? 1 : 0));
    new Counter({
      ...metric('mei_stream_total'),
      registers: [this.registry],
      collect() {
        this.reset();
        const { handled, retries, deadLetters } = read();
        this.inc({ outcome: 'handled' }, handled);
        this.inc({ outcome: 'tried again' }, retries);
        this.inc({ outcome: 'dead letter' }, deadLetters);
      },
    });
  }

  #watchFigures(stages: StageGauges[]) {
    this.#gauge('mei_stage_figure', (gauge) => {
      for (const stage of stages)
        for (const [figure, value] of Object.entries(stage.status()?.figures ?? {}))
          gauge.set({ stage: stage.name, figure }, value);
    });
    const each = (name: MetricName, set: (gauge: Gauge, labels: object, camera: CameraReport) => void) =>
      this.#gauge(name, (gauge) => {
        // Cameras come and go.
        gauge.reset();
        for (const stage of stages)
          for (const report of stage.status()?.cameras ?? [])
            set(gauge, { stage: stage.name, camera: report.camera }, report);
      });
    each('mei_camera_frames', (gauge, labels, { frames, dropped }) => {
      gauge.set({ ...labels, outcome: 'handled' }, frames);
      gauge.set({ ...labels, outcome: 'dropped' }, dropped);
    });
    each('mei_camera_up', (gauge, labels, { state }) =>
      gauge.set({ ...labels }, state === 'connected' || state === 'ended' ? 1 : 0),
    );
    each('mei_camera_fps', (gauge, labels, { fps }) => gauge.set({ ...labels }, fps));
  }

  #counter<Label extends string>(name: MetricName) {
    const { labelNames, ...rest } = metric(name);
    return new Counter({ ...rest, labelNames: labelNames as Label[], registers: [this.registry] });
  }

  #gauge(name: MetricName, collect: (gauge: Gauge) => void) {
    new Gauge({
      ...metric(name),
      registers: [this.registry],
      collect() {
        collect(this);
      },
    });
  }
}
