// Hands changes on as CloudEvents over HTTP, each receiver with an outbox of its own: stored first, delivered until it is
// there. bridge.ts makes it.
import { join } from 'node:path';
import { eventTypes, type IdentitiesData, type IdentityChange } from '../../config/events.ts';
import { defaultOutboxOptions, Outbox } from '../../delivery/outbox.ts';
import type { CourierOptions } from '../../delivery/courier.ts';
import type { Log } from '../function.ts';
import type { AddressGuard } from '../media/addressGuard.ts';
import { secretIn, type WebhookConfig } from './config.ts';
import { PermittedWay } from './permittedWay.ts';

export interface WebhookOptions {
  folder: string;
  guard: AddressGuard;
  log: Log;
  delivery?: Partial<CourierOptions>;
}

/** Where changes come from, and in which order. */
export interface Origin {
  namespace: string;
  task: string;
  /** Number of the changes in the store of the matcher. */
  id: string;
}

export class Webhook {
  readonly #config: WebhookConfig;
  readonly #outbox: Outbox;

  /** @throws PermanentError for an address that may not be reached, TransientError when the outbox cannot be opened */
  constructor(config: WebhookConfig, { folder, guard, log, delivery }: WebhookOptions) {
    const { name, url, tokenFile, origin } = config;
    const tokens = tokenFile === undefined ? undefined : () => [secretIn(tokenFile)];
    const sink: CourierOptions = {
      ...defaultOutboxOptions.delivery,
      // Receivers of others know no batches.
      batch: { events: 1, bytes: 1 << 20 },
      lookup: guard.lookup,
      ...delivery,
    };
    guard.check(new URL(url));
    this.#config = config;
    this.#outbox = new Outbox(
      {
        folder: join(folder, name),
        delivery: sink,
      },
      {
        resolve: () => url,
        log,
        ...(tokens && { tokensFor: () => tokens }),
        ...(origin !== undefined && {
          openWay: (_url, _times, stopped) => new PermittedWay({ url, origin, sink, tokens, stopped }),
        }),
      },
    );
  }

  /** Resolves once they are on the disk. @throws TransientError while they cannot be stored */
  async take(origin: Origin, changes: readonly IdentityChange[]): Promise<void> {
    for (const [index, change] of changes.entries())
      if (this.#config.kinds.includes(change.kind)) await this.#store(origin, change, index);
  }

  /** Resolves when everything has arrived, or when the receiver does not take it now. */
  settle(): Promise<void> {
    return this.#outbox.settle();
  }

  close(): Promise<void> {
    return this.#outbox.close();
  }

  async #store({ namespace, task, id }: Origin, change: IdentityChange, index: number): Promise<void> {
    const value: IdentitiesData = { task, namespace, changes: [change] };
    const attributes = {
      specversion: '1.0',
      // The same after a repeat, so that receivers can tell.
      id: `${id}.${index}`,
      source: `/namespaces/${namespace}/multiedgeinferences/${task}/bridge`,
      type: eventTypes.identities,
      subject: change.kind === 'sighted' ? `targets/${change.target}` : `identities/${change.identity}`,
      time: new Date(change.time * 1000).toISOString(),
      datacontenttype: 'application/json',
      partitionkey: task,
    };
    await this.#outbox.accept({
      envelope: { attributes, data: { kind: 'value', value } },
      target: 'webhook',
      rank: 'lasting',
    });
  }
}
