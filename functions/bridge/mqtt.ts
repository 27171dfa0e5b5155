// Keeps an MQTT broker told of a task: retained state, an event for each change. bridge.ts feeds it; topics.ts says what stands where.
import { readFileSync } from 'node:fs';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { IdentityChange } from '../../config/events.ts';
import type { TaskView } from '../console/types.ts';
import type { Log } from '../function.ts';
import { secretIn, type MqttConfig } from './config.ts';
import {
  changeTopics,
  discoveryTopics,
  rootOf,
  stateTopics,
  type Retained,
  type TopicOptions,
} from './topics.ts';

/** Events that wait while the broker is away; state needs no waiting, because only the newest counts. */
const mostWaiting = 1000;
const reconnectMs = 2000;
const connectMs = 10_000;
/** Longest wait for what was said when the bridge ends. */
const closeMs = 3000;

export class MqttSink {
  readonly #options: TopicOptions;
  readonly #log: Log;
  readonly #availability: string;
  readonly #client: MqttClient;
  readonly #retained: Retained = new Map();
  #waiting: [string, string][] = [];
  #dropped = 0;
  #targets: readonly string[] = [];
  /** The identity of each target that was seen since this began. */
  readonly #seenAs = new Map<string, string>();
  #isAway: boolean | undefined;

  /** The broker may be away; it is tried for ever. @throws ConfigError when a file of credentials cannot be read */
  constructor(config: MqttConfig, task: { namespace: string; name: string }, log: Log) {
    const { prefix, homeAssistant, discoveryPrefix } = config;
    this.#options = { prefix, ...(homeAssistant && { discoveryPrefix }) };
    this.#log = log;
    this.#availability = `${rootOf(this.#options, task.namespace, task.name)}/availability`;
    const { url } = config;
    this.#client = connect(url, clientOptions(config, this.#availability));
    this.#client.on('connect', () => {
      this.#isAway = false;
      log.info({ url, events: this.#waiting.length, dropped: this.#dropped }, 'broker connected');
      this.#dropped = 0;
      this.#sayAll();
    });
    const away = (reason: string) => {
      if (this.#isAway !== true) log.warn({ url, reason }, 'broker lost');
      this.#isAway = true;
    };
    this.#client.on('error', ({ message }) => away(message));
    this.#client.on('close', () => away('the connection ended'));
  }

  takeTask(view: TaskView): void {
    const now = new Map([...discoveryTopics(this.#options, view), ...stateTopics(this.#options, view)]);
    for (const topic of this.#retained.keys())
      if (!now.has(topic) && !topic.includes('/targets/')) this.#retain(topic, '');
    this.#targets = view.targets;
    for (const [topic, text] of now) this.#retain(topic, text);
  }

  takeChanges(namespace: string, task: string, changes: readonly IdentityChange[]): void {
    for (const change of changes) {
      const { event, retained } = changeTopics(this.#options, namespace, task, change);
      this.#tell(event);
      for (const [topic, text] of retained) this.#retain(topic, text);
      if (change.kind === 'sighted') this.#seenAs.set(change.target, change.identity);
      const gone = goneWith(change);
      if (gone.length > 0) this.#forget(gone, rootOf(this.#options, namespace, task));
    }
  }

  /** Says that nothing more comes. */
  async close(): Promise<void> {
    const said = this.#client.connected
      ? this.#client.publishAsync(this.#availability, 'offline', { qos: 1, retain: true })
      : Promise.resolve();
    const late = new Promise((resolve) => setTimeout(resolve, closeMs).unref());
    await Promise.race([said.catch(() => undefined), late]);
    await this.#client.endAsync(true);
  }

  /** Also of targets of which this process has not heard yet: the broker may hold what an earlier one said. */
  #forget(identities: readonly string[], root: string): void {
    for (const target of this.#targets) {
      const last = this.#seenAs.get(target);
      if (last !== undefined && !identities.includes(last)) continue;
      const topic = `${root}/targets/${target}/state`;
      this.#retained.delete(topic);
      this.#retain(topic, '');
    }
  }

  #retain(topic: string, text: string): void {
    if (this.#retained.get(topic) === text) return;
    // An empty text is kept too: the broker may be away now and has to be told later.
    this.#retained.set(topic, text);
    if (this.#client.connected) this.#publish(topic, text, true);
  }

  #tell(event: [string, string]): void {
    if (this.#client.connected) return this.#publish(...event, false);
    this.#waiting.push(event);
    if (this.#waiting.length <= mostWaiting) return;
    this.#waiting.shift();
    this.#dropped++;
  }

  /** A broker may have lost everything with its power. */
  #sayAll(): void {
    this.#publish(this.#availability, 'online', true);
    for (const [topic, text] of this.#retained) this.#publish(topic, text, true);
    for (const event of this.#waiting.splice(0)) this.#publish(...event, false);
  }

  #publish(topic: string, text: string, retain: boolean): void {
    this.#client.publish(topic, text, { qos: 1, retain }, (error) => {
      if (error) this.#log.warn({ topic, reason: error.message }, 'not published');
    });
  }
}

/** The names of a person who was erased; none for other changes. */
function goneWith({
  kind,
  identity,
  names = [],
}: {
  kind: string;
  identity: string;
  names?: string[];
}): string[] {
  return kind === 'erased' ? [identity, ...names] : [];
}

function clientOptions(
  { usernameFile, passwordFile, caFile }: MqttConfig,
  availability: string,
): IClientOptions {
  return {
    reconnectPeriod: reconnectMs,
    connectTimeout: connectMs,
    // What waits is kept here, with a bound.
    queueQoSZero: false,
    will: { topic: availability, payload: Buffer.from('offline'), qos: 1, retain: true },
    ...(usernameFile !== undefined && { username: secretIn(usernameFile) }),
    ...(passwordFile !== undefined && { password: secretIn(passwordFile) }),
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
  };
}
