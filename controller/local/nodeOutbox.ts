// The durable outbox of a node, for what its programs hand to the local controller: kept in its folder until the cloud has it.
// main.ts makes it; the routes of workerInfo.ts and workerEvents.ts fill it.
import type { Envelope } from '../../delivery/binding.ts';
import type { Rank } from '../../delivery/eventRows.ts';
import { Outbox as StoredOutbox, type OutboxFigures, type OutboxOptions } from '../../delivery/outbox.ts';
import type { Outbox, OutgoingEvent } from '../link/outbox.ts';
import type { Log } from '../log.ts';

const closeMs = 2000;

export class NodeOutbox implements Outbox {
  readonly #outbox: StoredOutbox;

  /** @param folder of the local controller @throws TransientError that names the folder */
  constructor(folder: string, log: Log, options: Partial<OutboxOptions> = {}) {
    // Addresses of Services outlive the pods behind them, so each event keeps its own.
    const resolve = (url: string) => url;
    this.#outbox = new StoredOutbox({ ...options, folder }, { resolve, log });
  }

  accept({ data, ...attributes }: OutgoingEvent, url: string): Promise<void> {
    return this.keep({ attributes: { ...attributes }, data: { kind: 'value', value: data } }, url, 'report');
  }

  /** Any event, as it came. @throws PermanentError when it is none, TransientError while it cannot be stored */
  keep(envelope: Envelope, url: string, rank: Rank): Promise<void> {
    return this.#outbox.accept({ envelope, target: url, rank });
  }

  waiting(): number {
    return this.figures().waiting;
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
