// Tells upstream every few seconds how the stages of this worker are; worker.ts starts it and asks for the last report.
import { setTimeout as delay } from 'node:timers/promises';
import { eventTypes } from '../../config/events.ts';
import type { ReportData, StageEvent } from '../../config/events.ts';
import type { StageName, WorkerConfig } from '../../config/worker.ts';
import type { Log, StageStatus } from '../function.ts';
import type { JetStream } from './jetstream.ts';
import type { NodeOutbox } from './nodeOutbox.ts';

export interface ReportsOptions {
  config: WorkerConfig;
  stages: { name: StageName; status(): StageStatus | undefined }[];
  intervalMs: number;
  /** Delivers a report; a rejection is logged, and the next report makes up for it. */
  deliver: (event: StageEvent<ReportData>) => Promise<void>;
  log: Log;
  outbox?: Pick<NodeOutbox, 'figures' | 'nextReport'>;
  stream?: Pick<JetStream, 'figures'>;
  /** What people should know of the worker as a whole. */
  notice?: () => string | undefined;
  now?: () => number;
}

/** Sends at most one report of a stage at a time: a slow receiver gets fewer, newer ones. */
export class Reports {
  readonly #options: Required<Omit<ReportsOptions, 'outbox' | 'stream' | 'notice'>> &
    Pick<ReportsOptions, 'outbox' | 'stream' | 'notice'>;
  readonly #underway = new Map<StageName, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #sequence = 0;

  constructor(options: ReportsOptions) {
    this.#options = { now: Date.now, ...options };
  }

  start() {
    this.#timer = setInterval(() => this.#sendAll(), this.#options.intervalMs);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** Stops the clock and resolves when a last report of each stage is delivered or has failed, or after `timeoutMs`. */
  async finish(timeoutMs: number) {
    this.stop();
    const over = new AbortController();
    const last = Promise.all(this.#underway.values()).then(() => {
      this.#sendAll();
      return Promise.all(this.#underway.values());
    });
    await Promise.race([last, delay(timeoutMs, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
  }

  #sendAll() {
    // Clock time, so that a restarted worker goes on above the sequences of the one before.
    const { outbox, now } = this.#options;
    this.#sequence = Math.max(this.#sequence + 1, outbox ? outbox.nextReport(now()) : now());
    for (const stage of this.#options.stages) {
      if (this.#underway.has(stage.name)) continue;
      const done = this.#send(stage).finally(() => this.#underway.delete(stage.name));
      this.#underway.set(stage.name, done);
    }
  }

  async #send(stage: { name: StageName; status(): StageStatus | undefined }) {
    try {
      const status = stage.status();
      if (status) await this.#options.deliver(this.#event(stage.name, status));
    } catch (error) {
      this.#options.log.warn({ stage: stage.name, error }, 'report not delivered');
    }
  }

  #outboxFigures(): Record<string, number> {
    const { outbox } = this.#options;
    if (!outbox) return {};
    const { waiting, bytes, deadLetters, dropped } = outbox.figures();
    return {
      outboxEvents: waiting,
      outboxBytes: bytes,
      outboxDropped: dropped.age + dropped.room,
      outboxDeadLetters: deadLetters,
    };
  }

  #streamFigures(): Record<string, number> {
    const figures = this.#options.stream?.figures();
    return figures ? { streamEvents: figures.waiting, streamDeadLetters: figures.deadLetters } : {};
  }

  #event(stage: StageName, status: StageStatus): StageEvent<ReportData> {
    const { task, worker, node } = this.#options.config;
    const nowMs = this.#options.now();
    const notice = this.#options.notice?.();
    const source = `/namespaces/${task.namespace}/multiedgeinferences/${task.name}/${stage}/${worker}`;
    return {
      id: `report-${this.#sequence}`,
      source,
      type: eventTypes.report,
      time: new Date(nowMs).toISOString(),
      subject: stage,
      partitionkey: `${worker}/${stage}`,
      data: {
        task: task.name,
        namespace: task.namespace,
        node,
        worker,
        stage,
        sequence: this.#sequence,
        time: nowMs / 1000,
        ...status,
        ...(notice !== undefined && { message: notice }),
        figures: { ...status.figures, ...this.#outboxFigures(), ...this.#streamFigures() },
      },
    };
  }
}
