// The Prometheus registry of one worker: every part of the host counts here, server.ts serves it at /metrics.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { OutboxFigures } from '../../delivery/outbox.ts';
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
  readonly received = this.#counter('mei_events_received_total', 'Events offered to this worker, by answer', [
    'type',
    'code',
  ]);
  readonly emitted = this.#counter('mei_events_emitted_total', 'Events that stages handed on, by outcome', [
    'type',
    'code',
  ]);
  readonly duplicates = this.#counter('mei_events_duplicate_total', 'Events seen before, by source and id', [
    'stage',
  ]);
  readonly retries = this.#counter('mei_send_retries_total', 'Repeated tries to deliver an event', [
    'type',
    'cause',
  ]);
  readonly dropped = this.#counter('mei_events_dropped_total', 'Events given up, by reason', [
    'type',
    'reason',
  ]);
  readonly handling = new Histogram({
    name: 'mei_handling_seconds',
    help: 'Time a stage took for one event',
    labelNames: ['stage'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  /** Registers what is read at scrape time: queues, and the figures of each stage's status(). */
  watch(stages: StageGauges[]) {
    const each = (name: string, help: string, read: (stage: StageGauges) => number) => {
      new Gauge({
        name,
        help,
        labelNames: ['stage'],
        registers: [this.registry],
        collect() {
          for (const stage of stages) this.set({ stage: stage.name }, read(stage));
        },
      });
    };
    each('mei_queue_events', 'Events accepted and not yet handled', (stage) => stage.inbox.length);
    each('mei_queue_bytes', 'Bytes of the events accepted and not yet handled', (stage) => stage.inbox.bytes);
    each('mei_queue_waiting', 'Senders that wait for room', (stage) => stage.inbox.waiting);
    this.#watchFigures(stages);
  }

  /** Registers what is read of the outbox at scrape time. */
  watchOutbox(read: () => OutboxFigures) {
    const gauge = (name: string, help: string, value: (figures: OutboxFigures) => number) => {
      new Gauge({
        name,
        help,
        registers: [this.registry],
        collect() {
          this.set(value(read()));
        },
      });
    };
    gauge('mei_outbox_events', 'Events stored and not yet delivered', ({ waiting }) => waiting);
    gauge('mei_outbox_bytes', 'Bytes of the events stored and not yet delivered', ({ bytes }) => bytes);
    gauge('mei_outbox_oldest_seconds', 'How long the oldest of them has waited', ({ oldestS }) => oldestS);
    gauge('mei_outbox_dead_letters', 'Events refused for good', ({ deadLetters }) => deadLetters);
    const counter = (name: string, help: string, values: (figures: OutboxFigures) => [string, number][]) => {
      new Counter({
        name,
        help,
        labelNames: ['outcome'],
        registers: [this.registry],
        collect() {
          this.reset();
          for (const [outcome, value] of values(read())) this.inc({ outcome }, value);
        },
      });
    };
    counter('mei_outbox_total', 'What became of events of the outbox', ({ delivered, retries, dropped }) => [
      ['delivered', delivered],
      ['tried again', retries],
      ...Object.entries(dropped).map(([reason, value]): [string, number] => [`dropped: ${reason}`, value]),
    ]);
  }

  #watchFigures(stages: StageGauges[]) {
    new Gauge({
      name: 'mei_stage_figure',
      help: 'Figures a stage reports about itself, by name',
      labelNames: ['stage', 'figure'],
      registers: [this.registry],
      collect() {
        for (const stage of stages)
          for (const [figure, value] of Object.entries(stage.status()?.figures ?? {}))
            this.set({ stage: stage.name, figure }, value);
      },
    });
    new Gauge({
      name: 'mei_camera_frames',
      help: 'Frames handed on and dropped per camera, as stages report them',
      labelNames: ['stage', 'camera', 'outcome'],
      registers: [this.registry],
      collect() {
        for (const stage of stages)
          for (const { camera, frames, dropped } of stage.status()?.cameras ?? []) {
            this.set({ stage: stage.name, camera, outcome: 'handled' }, frames);
            this.set({ stage: stage.name, camera, outcome: 'dropped' }, dropped);
          }
      },
    });
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]) {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }
}
