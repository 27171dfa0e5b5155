// The durable outbox of a node, for what its programs hand to the local controller: kept in its folder until the cloud has it.
// main.ts makes it; the routes of workerInfo.ts and workerEvents.ts fill it.
import type { Envelope } from '../../delivery/binding.ts';
import type { Rank } from '../../delivery/eventRows.ts';
import { Outbox, type OutboxFigures, type OutboxOptions } from '../../delivery/outbox.ts';
import type { OutgoingEvent } from '../link/outbox.ts';
import type { Log } from '../log.ts';
import type { TaskStore } from './store.ts';

const closeMs = 2000;
const reportNumber = 'report';
/** Between the parts of what the outbox calls a target; none of them has it. */
const separator = ' ';

/** Whose events of a type: where they go is known when they are sent, because a task may send them elsewhere by then. */
export interface Origin {
  uid: string;
  worker: string;
}

export class NodeOutbox {
  readonly #outbox: Outbox;

  /** @param folder of the local controller @throws TransientError that names the folder */
  constructor(
    folder: string,
    store: Pick<TaskStore, 'sinkOf' | 'tokensFor'>,
    log: Log,
    options: Partial<OutboxOptions> = {},
  ) {
    const resolve = (target: string) => {
      const [uid = '', worker = '', type = ''] = target.split(separator);
      return store.sinkOf(uid, worker, type);
    };
    const tokensFor = (url: string) => () => store.tokensFor(url);
    this.#outbox = new Outbox({ ...options, folder }, { resolve, tokensFor, log });
  }

  /** A report of a worker. Resolves once it is stored. @throws TransientError while it cannot be */
  report({ data, ...attributes }: OutgoingEvent, origin: Origin): Promise<void> {
    return this.keep(
      { attributes: { ...attributes }, data: { kind: 'value', value: data } },
      origin,
      'report',
    );
  }

  /** Any event, as it came. @throws PermanentError when it is none, TransientError while it cannot be stored */
  keep(envelope: Envelope, { uid, worker }: Origin, rank: Rank): Promise<void> {
    const target = [uid, worker, envelope.attributes['type']].join(separator);
    return this.#outbox.accept({ envelope, target, rank });
  }

  /** The sequence of a report: above all earlier ones, also of earlier processes and after the clock was set back. */
  nextReport(nowMs: number): number {
    const sequence = Math.max(this.#outbox.recall(reportNumber) + 1, nowMs);
    this.#outbox.remember(reportNumber, sequence);
    return sequence;
  }

  /** Tasks have changed: what waits may go elsewhere. */
  redirect(): void {
    this.#outbox.redirect();
  }

  figures(): OutboxFigures {
    return this.#outbox.figures();
  }

  /** What does not arrive within a moment stays on the disk. */
  async close(): Promise<void> {
    const late = new Promise((resolve) => setTimeout(resolve, closeMs).unref());
    await Promise.race([this.#outbox.settle(), late]);
    await this.#outbox.close();
  }
}
