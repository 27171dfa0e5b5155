// Runs the ingest stage in a test: collects what it emits, lets the test hold the next stage back, and waits with deadlines.
import { eventTypes, type CameraReport, type FrameData, type StageEvent } from '../../config/events.ts';
import type { CameraConfig, TimingOptions, WorkerConfig } from '../../config/worker.ts';
import type { Context, Log, StageFunction } from '../../functions/function.ts';
import type { CameraTimings } from '../../functions/ingest/cameraDependencies.ts';
import { createIngest } from '../../functions/ingest/handler.ts';
import { AddressGuard, ownMachine } from '../../functions/media/addressGuard.ts';

export function cameraConfig(
  id: string,
  source: Partial<CameraConfig['source']>,
  more: Partial<CameraConfig> = {},
): CameraConfig {
  return { id, source: { type: 'File', realtime: false, transport: 'TCP', ...source }, mask: [], ...more };
}

const timings = { firstMs: 20, mostMs: 100, openTimeoutMs: 5000, stallTimeoutMs: 5000, stableMs: 10_000 };

export class IngestRun {
  readonly events: StageEvent[] = [];
  /** Every log line as JSON, to look for secrets. */
  readonly logged: string[] = [];
  readonly stage: StageFunction;
  readonly context: Context;
  /** Awaited before an event is accepted: replace it to keep the next stage busy. */
  accept: (event: StageEvent) => Promise<void> = () => Promise.resolve();
  readonly #abort = new AbortController();
  #changed: (() => void)[] = [];

  constructor(
    cameras: CameraConfig[],
    more: {
      environment?: Record<string, string>;
      timings?: Partial<CameraTimings>;
      networks?: string;
      timing?: TimingOptions;
    } = {},
  ) {
    const line = (keys: object, message: string) => {
      this.logged.push(JSON.stringify({ ...keys, message }));
      this.#notify();
    };
    const log: Log = { debug: line, info: line, warn: line, error: line };
    this.context = {
      log,
      now: () => Date.now(),
      signal: this.#abort.signal,
      emit: async (event) => {
        await this.accept(event);
        this.events.push(event);
        this.#notify();
      },
    };
    const worker = {
      task: { name: 'gate', namespace: 'site', uid: 'u', generation: 1 },
      cameras,
      ...(more.timing && { timing: more.timing }),
    } as WorkerConfig;
    this.stage = createIngest(worker, {
      environment: more.environment ?? {},
      guard: new AddressGuard('camera', more.networks ?? ownMachine),
      random: () => 0.5,
      timings: { ...timings, ...more.timings },
      threads: 4,
    });
  }

  async start(): Promise<this> {
    await this.stage.init!(this.context);
    return this;
  }

  frames(camera?: string): FrameData[] {
    return this.events
      .filter(({ type }) => type === eventTypes.frame)
      .map(({ data }) => data as FrameData)
      .filter((frame) => camera === undefined || frame.camera === camera);
  }

  ended(camera: string): boolean {
    return this.events.some(({ type, subject }) => type === eventTypes.stream && subject === camera);
  }

  report(camera: string): CameraReport {
    return this.stage.status!().cameras.find((report) => report.camera === camera)!;
  }

  /** Resolves once the condition holds; it is looked at after every event and log line, and now and then. */
  async until(what: string, condition: () => boolean, limitMs = 15_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!condition()) {
      if (performance.now() > deadline)
        throw new Error(`waited ${limitMs} ms for ${what}: ${JSON.stringify(this.stage.status!())}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.stage.shutdown!(this.context);
  }

  #notify(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const wake of waiting) wake();
  }
}
