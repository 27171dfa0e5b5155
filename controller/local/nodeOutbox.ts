// The durable outbox of a node, for what its programs hand to the local controller: kept in its folder until the cloud has it.
// main.ts makes it; the routes of workerInfo.ts and workerEvents.ts fill it.
import type { Envelope } from '../../delivery/binding.ts';
import type { Rank } from '../../delivery/eventRows.ts';
import { Outbox, type OutboxFigures, type OutboxOptions } from '../../delivery/outbox.ts';
import { messageOf, TransientError } from '../errors.ts';
import type { OutgoingEvent } from '../link/outbox.ts';
import type { Log } from '../log.ts';
import type { TaskStore } from './store.ts';

const closeMs = 2000;
const againMs = 10_000;
/** Of an outbox whose file cannot be opened: what waits in it is not known. */
const none: OutboxFigures = {
  waiting: 0,
  bytes: 0,
  oldestS: 0,
  deadLetters: 0,
  delivered: 0,
  retries: 0,
  dropped: { age: 0, room: 0, superseded: 0 },
};
const reportNumber = 'report';
/** Between the parts of what the outbox calls a target; none of them has it. */
const separator = ' ';

/** Whose events of a type: where they go is known when they are sent, because a task may send them elsewhere by then. */
export interface Origin {
  uid: string;
  worker: string;
}

export class NodeOutbox {
  readonly #open: () => Outbox;
  readonly #log: Log;
  readonly #again: NodeJS.Timeout;
  /** Absent while its file cannot be opened, such as on a full disk: the rest of a local controller works without. */
  #outbox: Outbox | undefined;
  #isClosed = false;

  /** @param folder of the local controller */
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
    this.#log = log;
    this.#open = () => new Outbox({ ...options, folder }, { resolve, tokensFor, log });
    try {
      this.#opened();
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'nothing is taken for the cloud');
    }
    // What waits in the file is to be delivered although nobody hands anything over.
    this.#again = setInterval(() => this.#tryAgain(), againMs);
    this.#again.unref();
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
  async keep(envelope: Envelope, { uid, worker }: Origin, rank: Rank): Promise<void> {
    const target = [uid, worker, envelope.attributes['type']].join(separator);
    return this.#opened().accept({ envelope, target, rank });
  }

  /** The sequence of a report: above all earlier ones, also of earlier processes and after the clock was set back. @throws TransientError */
  nextReport(nowMs: number): number {
    const outbox = this.#opened();
    const sequence = Math.max(outbox.recall(reportNumber) + 1, nowMs);
    outbox.remember(reportNumber, sequence);
    return sequence;
  }

  /** Tasks have changed: what waits may go elsewhere. */
  redirect(): void {
    this.#outbox?.redirect();
  }

  figures(): OutboxFigures {
    return this.#outbox?.figures() ?? none;
  }

  /** What does not arrive within a moment stays on the disk. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#again);
    if (!this.#outbox) return;
    const late = new Promise((resolve) => setTimeout(resolve, closeMs).unref());
    await Promise.race([this.#outbox.settle(), late]);
    await this.#outbox.close();
  }

  /** @throws TransientError that names the folder */
  #opened(): Outbox {
    if (this.#isClosed) throw new TransientError('the local controller is ending');
    return (this.#outbox ??= this.#open());
  }

  #tryAgain(): void {
    if (this.#outbox) return;
    try {
      this.#opened();
    } catch (error) {
      this.#log.error({ reason: messageOf(error) }, 'nothing is taken for the cloud');
    }
  }
}
