// Decides where an emitted event goes next: to a stage of this process, or to another worker. worker.ts wires it between the stages.
import { eventTypes } from '../../config/events.ts';
import { stageNames } from '../../config/worker.ts';
import { PermanentError } from '../function.ts';
import { sizeOf } from './codec.ts';
import type { EventName, EventType, StageEvent } from '../../config/events.ts';
import type { FunctionList, FunctionSpec } from '../../config/functions.ts';
import type { StageName } from '../../config/worker.ts';
import type { Log } from '../function.ts';
import type { Inbox } from './inbox.ts';
import type { Metrics } from './metrics.ts';

/** Where an event type of one producer goes. */
export type Destination =
  { kind: 'stage'; stage: StageName } | { kind: 'sink'; url: string } | { kind: 'nowhere' };

export interface ChainOptions {
  functions: FunctionList;
  stages: StageName[];
  /** Event type -> URL of the worker that takes it. */
  sinks: Record<string, string>;
  /** The worker that takes a camera's events of a type, where several share them; see shards.ts. */
  shardOf?: (type: string, camera: string | undefined) => string | undefined;
  /** Takes what `sinks` does not name. */
  defaultSink?: string | undefined;
  /** How long an emitted event waits for room in a stage of this process. */
  waitMs: number;
}

export interface ChainParts {
  inboxOf: (stage: StageName) => { spec: FunctionSpec; inbox: Inbox };
  send: (url: string, event: StageEvent) => Promise<void>;
  metrics: Metrics;
  log: Log;
}

const nameOf = new Map<string, EventName>(
  Object.entries(eventTypes).map(([name, type]) => [type, name as EventName] as const),
);

/** The first stage after `from` that takes `name`; from the start when `from` is absent. */
export function nextConsumer(
  functions: FunctionList,
  name: EventName,
  from?: StageName,
): StageName | undefined {
  const start = from === undefined ? 0 : stageNames.indexOf(from) + 1;
  return stageNames.slice(start).find((stage) => functions.functions[stage].consumes.includes(name));
}

/**
 * Where `type` goes when `from` emits it. A type that several stages take and pass on (`stream`) goes to the next of
 * them only, never back. Reports have no producer stage: the host sends them.
 */
export function destination(options: ChainOptions, type: string, from?: StageName): Destination {
  const name = nameOf.get(type);
  const next = name && nextConsumer(options.functions, name, name === 'report' ? undefined : from);
  if (next && options.stages.includes(next)) return { kind: 'stage', stage: next };
  const url = options.sinks[type] ?? options.defaultSink;
  return url === undefined ? { kind: 'nowhere' } : { kind: 'sink', url };
}

/**
 * Refuses a worker whose stages would need two different sinks for one type (ingest with embed, without detect),
 * and lists the types nothing takes.
 * @throws PermanentError
 */
export function checkRoutes(options: ChainOptions): { unrouted: EventType[] } {
  const remote = new Map<EventName, StageName>();
  const unrouted = new Set<EventType>();
  for (const stage of options.stages)
    for (const name of options.functions.functions[stage].produces) {
      const next = nextConsumer(options.functions, name, stage);
      if (next === undefined || options.stages.includes(next)) continue;
      const other = remote.get(name);
      if (other !== undefined && other !== next)
        throw new PermanentError(
          `stages: ${name} would go to ${other} and to ${next}; put these stages into workers of their own`,
        );
      remote.set(name, next);
      if (destination(options, eventTypes[name], stage).kind === 'nowhere') unrouted.add(eventTypes[name]);
    }
  return { unrouted: [...unrouted] };
}

/** Hands events on. */
export class Chain {
  readonly #options: ChainOptions;
  readonly #parts: ChainParts;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: ChainOptions, parts: ChainParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /**
   * Resolves when the receiver has accepted the event: queued or handled, as its function says.
   * @throws TransientError, PermanentError
   */
  route(event: StageEvent, from?: StageName): Promise<void> {
    const done = this.#route(event, from);
    // Nothing is lost with a report: the next one says more.
    if (event.type === eventTypes.report) return done;
    this.#underWay.add(done);
    const forget = () => this.#underWay.delete(done);
    done.then(forget, forget);
    return done;
  }

  /** Resolves when every event handed on so far, except reports, is accepted or has failed. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  async #route(event: StageEvent, from?: StageName): Promise<void> {
    const to = destination(this.#options, event.type, from);
    const { metrics } = this.#parts;
    try {
      if (to.kind === 'stage') await this.#handOver(to.stage, event);
      else if (to.kind === 'sink')
        await this.#parts.send(this.#options.shardOf?.(event.type, event.partitionkey) ?? to.url, event);
      else metrics.dropped.inc({ type: event.type, reason: 'nobody takes it' });
      metrics.emitted.inc({ type: event.type, code: to.kind === 'nowhere' ? 'dropped' : 'accepted' });
    } catch (error) {
      metrics.emitted.inc({ type: event.type, code: error instanceof PermanentError ? 'refused' : 'failed' });
      throw error;
    }
  }

  async #handOver(stage: StageName, event: StageEvent) {
    const { spec, inbox } = this.#parts.inboxOf(stage);
    const ticket = await inbox.put(event, sizeOf(event), {
      waitMs: this.#options.waitMs,
      reply: false,
      keepTrying: true,
    });
    if (ticket.state !== 'accepted') this.#parts.metrics.duplicates.inc({ stage });
    if (spec.acknowledge === 'handled') await ticket.handled;
  }
}
