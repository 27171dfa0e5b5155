// What the cluster has of Knative, asked for at the start and again and again: it may be installed while the controller runs.
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { ApiError, messageOf } from './errors.ts';
import type { Log } from './log.ts';
import type { Manifest } from './objects/manifest.ts';
import { OptionalKind, type Availability } from './optionalKind.ts';
import type { ReflectorOptions, ReflectorTiming } from './reflector.ts';
import { brokerResource, configMapResource, knativeServiceResource, triggerResource } from './resources.ts';

export interface Broker {
  /** Addresses under which it takes events; none while it is not ready. */
  urls: string[];
  /** Why it is not ready, in Knative's words; empty when it says nothing. */
  complaint: string;
}

/** What reconcile looks at. */
export interface KnativeView {
  serving: Availability;
  eventing: Availability;
  /** Switches of Knative Serving; undefined while they cannot be read. */
  features: Record<string, string> | undefined;
  broker(namespace: string, name: string): Broker | undefined;
  /** Services and Triggers that carry the task's label. */
  owned(key: string): Manifest[];
}

export interface KnativeOptions {
  cluster: Pick<Cluster, 'list' | 'watch' | 'isServed' | 'get'>;
  log: Log;
  timing?: Partial<ReflectorTiming>;
  /** Of Services and Triggers: those of tasks. */
  owned: Pick<ReflectorOptions<Manifest>, 'labelSelector' | 'project' | 'groupOf' | 'onChange'>;
  onBroker: (namespace: string, name: string) => void;
  /** Something of Knative appeared, vanished or has other switches. */
  onChange: () => void;
  /** Between two looks. */
  checkMs?: number;
}

const featuresNamespace = 'knative-serving';
const featuresName = 'config-features';

export class KnativeWatch implements KnativeView {
  readonly #options: KnativeOptions;
  readonly #services: OptionalKind<Manifest>;
  readonly #triggers: OptionalKind<Manifest>;
  readonly #brokers: OptionalKind<Manifest>;
  #features: Record<string, string> | undefined;
  #markChecked!: () => void;
  /** Resolves after the first look, whatever it brought. */
  readonly checked = new Promise<void>((resolve) => (this.#markChecked = resolve));

  constructor(options: KnativeOptions) {
    this.#options = options;
    const { cluster, log, timing, owned, onBroker } = options;
    const common = { cluster, log, ...(timing && { timing }) };
    this.#services = new OptionalKind({ ...common, ...owned, resource: knativeServiceResource });
    this.#triggers = new OptionalKind({ ...common, ...owned, resource: triggerResource });
    this.#brokers = new OptionalKind<Manifest>({
      ...common,
      resource: brokerResource,
      project: (broker) => broker,
      onChange: ({ metadata }) => onBroker(metadata.namespace, metadata.name),
    });
  }

  get serving(): Availability {
    return this.#services.availability;
  }

  get eventing(): Availability {
    const states = [this.#triggers.availability, this.#brokers.availability];
    return states.find((state) => state !== 'followed') ?? 'followed';
  }

  get features(): Record<string, string> | undefined {
    return this.#features;
  }

  broker(namespace: string, name: string): Broker | undefined {
    const found = this.#brokers.get(namespace, name);
    if (!found || found.metadata.deletionTimestamp !== undefined) return undefined;
    const { address, addresses = [], conditions = [] } = (found as { status?: BrokerStatus }).status ?? {};
    const ready = conditions.find(({ type }) => type === 'Ready');
    return {
      urls: [address, ...addresses].flatMap((each) => each?.url ?? []),
      complaint: ready?.status === 'True' ? '' : (ready?.message ?? ''),
    };
  }

  owned(key: string): Manifest[] {
    return [...this.#services.group(key), ...this.#triggers.group(key)];
  }

  /** Looks until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.#check(signal)) this.#options.onChange();
      this.#markChecked();
      await delay(this.#options.checkMs ?? 30_000, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all([this.#services, this.#triggers, this.#brokers].map((kind) => kind.stop()));
  }

  async #check(signal: AbortSignal): Promise<boolean> {
    const kinds = [this.#services, this.#triggers, this.#brokers];
    const changes = await Promise.all(kinds.map((kind) => kind.check(signal)));
    return (await this.#readFeatures(signal)) || changes.includes(true);
  }

  async #readFeatures(signal: AbortSignal): Promise<boolean> {
    if (this.serving !== 'followed' || signal.aborted) return false;
    const before = JSON.stringify(this.#features);
    try {
      const found = await this.#options.cluster.get(configMapResource, featuresNamespace, featuresName);
      this.#features = (found?.['data'] as Record<string, string> | undefined) ?? {};
    } catch (error) {
      if (error instanceof ApiError && error.status === 403) this.#features = undefined;
      else this.#options.log.warn({ error: messageOf(error) }, 'switches of Knative not read');
    }
    return JSON.stringify(this.#features) !== before;
  }
}

interface BrokerStatus {
  address?: { url?: string };
  addresses?: { url?: string }[];
  conditions?: { type: string; status: string; message?: string }[];
}
