// Publishes events to the stream of a task and waits until the server has stored them: JetStream's side of way.ts.
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { headers as messageHeaders, NoRespondersError } from '@nats-io/transport-node';
import { PermanentError } from '../../config/errors.ts';
import { single } from '../batch.ts';
import { tryUntilTaken, type Outcome, type RetryTimes, type Way } from '../way.ts';
import { reasonOf, type Connected, type Link } from './link.ts';
import { identityOf, natsMessage } from './message.ts';
import { subjectOf } from './names.ts';
import { ensureStream } from './stream.ts';
import type { JetStreamConfig } from '../../config/worker.ts';
import type { HttpMessage } from '../binding.ts';
import type { EventRow } from '../eventRows.ts';

/** For the line of the protocol and the headers that JetStream adds on its way from leaf to hub. */
const headroomBytes = 2048;
const tooLarge = new Set([10054]);
/** The stream, the account or the disk has no more room. */
const noRoom = new Set([10023, 10047, 10077]);

export interface PublisherParts {
  link: Link;
  config: () => JetStreamConfig;
  receiver: string;
  times: RetryTimes;
  stopped: AbortSignal;
}

export class Publisher implements Way {
  readonly #parts: PublisherParts;
  /** Whose stream is known to be there. */
  #checked: Connected | undefined;
  /** Where a large event is refused and a smaller one behind it fits, one at a time keeps the order. */
  #isOneByOne = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  attempt(message: HttpMessage): Promise<Outcome> {
    return this.#publish([message]);
  }

  bring(events: readonly EventRow[]): Promise<Outcome> {
    return this.#publish(events.map(single));
  }

  post(message: HttpMessage, onRetry: (cause: string, detail: string) => void): Promise<void> {
    const { receiver, times, stopped } = this.#parts;
    return tryUntilTaken(() => this.attempt(message), `JetStream for ${receiver}`, times, stopped, onRetry);
  }

  /** The connection is its maker's. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #publish(messages: readonly HttpMessage[]): Promise<Outcome> {
    let connected: Connected | undefined;
    try {
      connected = await this.#parts.link.connected();
      if (this.#checked !== connected)
        await ensureStream(connected, this.#parts.config(), this.#ownsStream());
      this.#checked = connected;
      const sent = this.#isOneByOne
        ? await this.#oneByOne(connected, messages)
        : await this.#together(connected, messages);
      this.#isOneByOne = false;
      return sent;
    } catch (error) {
      return this.#outcomeOf(error, connected);
    }
  }

  /** A leaf node's stream has no other owner than the workers of its node. */
  #ownsStream(): boolean {
    return this.#parts.config().domain !== undefined;
  }

  async #together(connected: Connected, messages: readonly HttpMessage[]): Promise<Outcome> {
    const refusal = messages.map((message) => sizeProblem(connected, message)).find(Boolean);
    if (refusal) return refusal;
    // The server takes what comes on one connection in its order. All are awaited: none may be on its way when this returns.
    const results = await Promise.allSettled(messages.map((message) => this.#one(connected, message)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return { kind: 'accepted' };
  }

  async #oneByOne(connected: Connected, messages: readonly HttpMessage[]): Promise<Outcome> {
    for (const message of messages) {
      const outcome = await this.#together(connected, [message]);
      if (outcome.kind !== 'accepted') return outcome;
    }
    return { kind: 'accepted' };
  }

  async #one({ client }: Connected, message: HttpMessage): Promise<void> {
    const { receiver, times } = this.#parts;
    const config = this.#parts.config();
    const { type, key, id } = identityOf(message);
    const { headers, payload } = natsMessage(message);
    const own = messageHeaders();
    for (const [name, value] of Object.entries(headers)) own.set(name, value);
    await client.publish(subjectOf(config, receiver, type, key), payload, {
      headers: own,
      msgID: id,
      timeout: times.timeoutMs,
      retries: 1,
      expect: { streamName: config.stream },
    });
  }

  async #outcomeOf(error: unknown, connected: Connected | undefined): Promise<Outcome> {
    const detail = reasonOf(error);
    if (error instanceof JetStreamApiError && tooLarge.has(error.code))
      return { kind: 'refused', status: 413, detail };
    if (error instanceof JetStreamApiError && noRoom.has(error.code)) {
      this.#isOneByOne = true;
      return { kind: 'later', status: 507, retryAfterMs: 0, detail };
    }
    const isAway = error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
    if (isAway || error instanceof NoRespondersError) this.#checked = undefined;
    // Somebody has to change something, and the events are as good as before.
    if (error instanceof PermanentError) return { kind: 'later', status: 409, retryAfterMs: 0, detail };
    const isAnswer = error instanceof JetStreamApiError || error instanceof NoRespondersError;
    if (connected && !isAnswer) await this.#parts.link.drop(connected);
    const forbidden = connected?.forbidden();
    const said = forbidden === undefined ? detail : `${detail}; not allowed: ${forbidden}`;
    return { kind: 'later', retryAfterMs: 0, detail: said, error: error as Error };
  }
}

function sizeProblem({ connection }: Connected, { headers, parts }: HttpMessage): Outcome | undefined {
  const most = Math.min(connection.info?.max_payload ?? 1 << 20, 1 << 20);
  const bytes =
    parts.reduce((sum, part) => sum + part.byteLength, 0) +
    Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  if (bytes + headroomBytes <= most) return undefined;
  return { kind: 'refused', status: 413, detail: `the event has ${bytes} bytes, the server takes ${most}` };
}
