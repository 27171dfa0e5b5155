// A Broker for tests, as the standards describe one: it takes events, asks each matching Trigger's subscriber for a reply, takes
// replies in like any event, and tries again when told to. In memory, on loopback.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { Manifest } from '../../controller/objects/manifest.ts';

interface Filter {
  exact?: Record<string, string>;
  prefix?: Record<string, string>;
  any?: Filter[];
}
interface Event {
  headers: Record<string, string>;
  body: Buffer;
}

const mostTries = 8;
const retried = [404, 408, 409, 429];

export class TestBroker {
  /** `type source id` of every event that was taken in, in the order of arrival; replies too. */
  readonly taken: string[] = [];
  /** `type source id` of replies. */
  readonly replies: string[] = [];
  /** Trigger, `type source id` and reason of events that nobody took. */
  readonly dead: string[] = [];
  /** Trigger -> how many events it delivered. */
  readonly delivered = new Map<string, number>();
  readonly #server: Server;
  readonly #agent = new Agent();
  readonly #ending = new AbortController();
  #triggers: { name: string; filters: Filter[]; address: string }[] = [];
  #underWay = 0;
  #onIdle: (() => void)[] = [];
  #held: Event[] | undefined;

  constructor() {
    this.#server = createServer((request, response) => {
      void buffer(request).then((body) => {
        this.#take({ headers: ofEvent(request.headers), body });
        response.writeHead(202).end();
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/default/default`;
  }

  /** @param addressOf where a Trigger's subscriber really listens */
  use(triggers: Manifest[], addressOf: (trigger: Manifest) => string): void {
    this.#triggers = triggers.map((trigger) => ({
      name: trigger.metadata.name,
      filters: (trigger['spec'] as { filters: Filter[] }).filters,
      address: addressOf(trigger),
    }));
  }

  /** Events gather until `release`. */
  hold(): void {
    this.#held = [];
  }

  /** Delivers what was held, in the order that `arrange` gives. */
  release(arrange: <T>(events: T[]) => T[]): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of arrange(held)) this.#dispatch(event);
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    return this.#underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Sends one request, as a worker or as the Broker itself. */
  async post(url: string, headers: Record<string, string>, content: Uint8Array) {
    const answer = await request(url, { method: 'POST', headers, body: content, dispatcher: this.#agent });
    const body = Buffer.from(await answer.body.arrayBuffer());
    return { status: answer.statusCode, headers: answer.headers, body };
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#agent.destroy();
    this.#triggers = [];
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(event: Event): void {
    this.taken.push(nameOf(event));
    if (this.taken.length > 10_000) throw new Error('events go round and round');
    if (this.#held) this.#held.push(event);
    else this.#dispatch(event);
  }

  #dispatch(event: Event): void {
    for (const trigger of this.#triggers) {
      if (!trigger.filters.every((filter) => matches(filter, event))) continue;
      this.#underWay++;
      void this.#deliver(event, trigger).finally(() => {
        this.#underWay--;
        if (this.#underWay === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
      });
    }
  }

  async #deliver(event: Event, { name, address }: { name: string; address: string }): Promise<void> {
    let reason = '';
    for (let tries = 1; tries <= mostTries; tries++) {
      const headers = { ...event.headers, prefer: 'reply' };
      const answer = await this.post(address, headers, event.body).catch(() => undefined);
      const { status = 0, body = Buffer.alloc(0) } = answer ?? {};
      if (answer && status >= 200 && status < 300) {
        this.delivered.set(name, (this.delivered.get(name) ?? 0) + 1);
        if (status === 200) this.#takeReply({ headers: ofEvent(answer.headers), body });
        return;
      }
      reason = answer ? `${status} ${body.toString()}` : 'no answer';
      if (answer && status < 500 && !retried.includes(status)) break;
      await delay(10 * 2 ** tries, undefined, { signal: this.#ending.signal }).catch(() => undefined);
      if (this.#ending.signal.aborted) return;
    }
    this.dead.push(`${name} ${nameOf(event)}: ${reason}`);
  }

  #takeReply(event: Event): void {
    this.replies.push(nameOf(event));
    this.#take(event);
  }
}

function ofEvent(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => name.startsWith('ce-') || name === 'content-type');
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

function nameOf({ headers }: Event): string {
  return `${headers['ce-type']} ${headers['ce-source']} ${headers['ce-id']}`;
}

function matches({ exact = {}, prefix = {}, any }: Filter, event: Event): boolean {
  const attribute = (name: string) => decodeURIComponent(event.headers[`ce-${name}`] ?? '');
  return (
    Object.entries(exact).every(([name, value]) => attribute(name) === value) &&
    Object.entries(prefix).every(([name, value]) => attribute(name).startsWith(value)) &&
    (any === undefined || any.some((filter) => matches(filter, event)))
  );
}
