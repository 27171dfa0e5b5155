// Puts events that arrived over HTTP into the inbox of the stage that takes them; server.ts answers with the result.
import { eventTypes } from '../../config/events.ts';
import { PermanentError, TransientError } from '../function.ts';
import { InProgressError } from './answers.ts';
import { quoted } from '../../delivery/attributes.ts';
import { sizeOf } from './codec.ts';
import type { EventName, StageEvent } from '../../config/events.ts';
import type { Metrics } from './metrics.ts';
import type { HostedStage } from './stage.ts';

export interface IntakeOptions {
  /** How long a request is held while the queue is full, before 429: cheaper for both sides than coming again. */
  holdMs: number;
  /** Requests held at a time, per stage. */
  held: number;
}

/** The way in for events of other processes. */
export class Intake {
  readonly #byType = new Map<string, HostedStage>();
  readonly #options: IntakeOptions;
  readonly #metrics: Metrics;

  /** `stages` in the order of the chain: the first one that takes a type gets it. */
  constructor(stages: HostedStage[], options: IntakeOptions, metrics: Metrics) {
    this.#options = options;
    this.#metrics = metrics;
    for (const stage of [...stages].reverse())
      for (const name of stage.spec.consumes) this.#byType.set(eventTypes[name], stage);
  }

  /** Event types this worker takes. */
  takes(name: EventName) {
    return this.#byType.has(eventTypes[name]);
  }

  /**
   * Takes events in their order. Resolves when each is queued or handled, as its function says, with the outputs
   * when `reply` asks for them. When one is refused the ones before it stay taken: a repeated request finds them
   * to be duplicates.
   * @throws PermanentError, TransientError and its kinds OverloadedError, ClosedError, InProgressError
   */
  async take(events: StageEvent[], reply: boolean): Promise<StageEvent[]> {
    const targets = events.map((event) => this.#stageFor(event));
    const answers: Promise<StageEvent[]>[] = [];
    for (const [i, event] of events.entries())
      answers.push((await this.#put(targets[i]!, event, reply)).answer);
    return (await Promise.all(answers)).flat();
  }

  #stageFor(event: StageEvent): HostedStage {
    const stage = this.#byType.get(event.type);
    if (!stage)
      throw new PermanentError(`no function of this worker takes events of type ${quoted(event.type)}`);
    try {
      stage.stage.readiness?.();
    } catch (cause) {
      throw new TransientError(`${stage.name} is not ready: ${(cause as Error).message}`, {
        cause,
        retryAfterMs: 1000,
      });
    }
    return stage;
  }

  /** Queues one event; `answer` is what the sender has to wait for after that. */
  async #put(
    stage: HostedStage,
    event: StageEvent,
    reply: boolean,
  ): Promise<{ answer: Promise<StageEvent[]> }> {
    const { inbox, spec } = stage;
    const waitMs = inbox.waiting < this.#options.held ? this.#options.holdMs : 0;
    const keepTrying = spec.acknowledge === 'queued' && !reply;
    // Whoever ends a camera sends nothing more: what a later stage lacks has to be told with this answer.
    const untilDelivered = stage.stage.admit !== undefined && event.type === eventTypes.stream;
    stage.stage.admit?.(event, stage.context);
    const handling = { waitMs, reply, keepTrying, untilDelivered };
    const { state, handled } = await inbox.put(event, sizeOf(event), handling);
    if (state !== 'accepted') this.#metrics.duplicates.inc({ stage: stage.name });
    if (reply || untilDelivered || spec.acknowledge === 'handled') {
      if (state === 'inProgress')
        throw new InProgressError('an event of this source and id is being handled');
      return { answer: handled };
    }
    return { answer: Promise.resolve([]) };
  }
}
