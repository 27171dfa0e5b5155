// Server-sent events of the console: what changes, to every browser that is open. router.ts attaches them.
// Announcements carry their number in the store as id: a browser that was away asks for what came after it.
import type { Response } from 'express';
import { motionFromStart, type ConsoleSource, type ErasureCursor } from './source.ts';
import type { ChangeView } from './types.ts';

export interface StreamOptions {
  /** Between two looks at the source. */
  intervalMs: number;
  /** Between two signs of life, at which it is also asked whether the browser may still listen. */
  heartbeatMs: number;
  /** More browsers are refused. */
  clients: number;
  /** Announcements that are sent again; who missed more begins anew. */
  replayed: number;
  /** Bytes that may wait for a slow browser before it is cut off. */
  bufferedBytes: number;
}

export const defaultStreamOptions: StreamOptions = {
  intervalMs: 500,
  heartbeatMs: 10_000,
  clients: 64,
  replayed: 1000,
  bufferedBytes: 1 << 20,
};

interface Client {
  response: Response;
  /** Number of the last announcement that was sent. */
  sent: number;
  isAllowed: () => boolean;
}

export class Stream {
  readonly #source: ConsoleSource;
  readonly #options: StreamOptions;
  readonly #clients = new Set<Client>();
  #timer: NodeJS.Timeout | undefined;
  #beatMs = 0;
  #task = '';
  #motion = motionFromStart();
  #erasures: ErasureCursor = {};
  #isLooking = false;

  constructor(source: ConsoleSource, options: StreamOptions) {
    this.#source = source;
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#clients.size >= this.#options.clients;
  }

  /** @param lastId what the browser says it had last; undefined for a new one */
  attach(response: Response, lastId: string | undefined, isAllowed: () => boolean): void {
    response.status(200).set({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    response.flushHeaders();
    response.write('retry: 1500\n\n');
    const client: Client = { response, sent: 0, isAllowed };
    this.#begin(client, lastId);
    this.#clients.add(client);
    response.once('close', () => this.#drop(client));
    if (!this.#timer) this.#start();
    else if (this.#task !== '') send(client, 'task', this.#task);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const { response } of this.#clients) response.end();
    this.#clients.clear();
  }

  #begin(client: Client, lastId: string | undefined): void {
    const { oldest, newest } = this.#source.sequences();
    const known = Number(lastId);
    const isKnown = lastId !== undefined && /^\d{1,15}$/.test(lastId) && known <= newest;
    const missed = isKnown ? this.#source.changesAfter(known, this.#options.replayed + 1) : [];
    client.sent = newest;
    if (isKnown && known >= oldest - 1 && missed.length <= this.#options.replayed) {
      client.sent = known;
      for (const change of missed) sendChange(client, change);
      send(client, 'resumed', JSON.stringify({ missed: missed.length }));
    } else if (lastId !== undefined) send(client, 'reset', '{}', newest);
    else send(client, 'hello', '{}', newest);
  }

  #start(): void {
    // Whoever begins asks for what there is; from here on only what is new is sent.
    this.#motion = motionFromStart();
    this.#source.motion(this.#motion);
    this.#erasures = {};
    this.#source.erased?.(this.#erasures);
    this.#task = '';
    void this.#look();
    this.#timer = setInterval(() => void this.#look(), this.#options.intervalMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const task = JSON.stringify(await this.#source.task());
      if (task !== this.#task) this.#toAll('task', (this.#task = task));
      for (const client of this.#clients)
        for (const change of this.#source.changesAfter(client.sent, this.#options.replayed))
          sendChange(client, change);
      const erased = this.#source.erased?.(this.#erasures) ?? [];
      // Without a number: nothing of it is kept, so it cannot be told again.
      if (erased.length > 0) this.#toAll('changes', JSON.stringify(erased));
      const motion = this.#source.motion(this.#motion);
      if (motion.length > 0) this.#toAll('motion', JSON.stringify(motion));
      this.#tend();
    } catch {
      // A file that is being replaced: the next look sees it whole.
    } finally {
      this.#isLooking = false;
    }
  }

  #tend(): void {
    const isDue = performance.now() - this.#beatMs >= this.#options.heartbeatMs;
    if (isDue) this.#beatMs = performance.now();
    for (const client of this.#clients) {
      const isSlow = client.response.writableLength > this.#options.bufferedBytes;
      if (isSlow || (isDue && !client.isAllowed())) {
        client.response.destroy();
        this.#drop(client);
      } else if (isDue) client.response.write(': alive\n\n');
    }
  }

  #toAll(event: string, data: string): void {
    for (const client of this.#clients) send(client, event, data);
  }

  #drop(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function sendChange(client: Client, { sequence, changes }: ChangeView): void {
  client.sent = Math.max(client.sent, sequence);
  send(client, 'changes', JSON.stringify(changes), sequence);
}

/** @param data one line */
function send({ response }: Client, event: string, data: string, id?: number): void {
  response.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`);
}
