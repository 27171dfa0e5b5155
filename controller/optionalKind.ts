// A kind of objects that a cluster may or may not have, such as Knative's: followed as soon as it is there. knative.ts keeps them.
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { ApiError, messageOf } from './errors.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

/** `unknown`: not asked yet, or never answered. `forbidden`: served, but not to this account. */
export type Availability = 'unknown' | 'absent' | 'forbidden' | 'followed';

export interface OptionalKindOptions<T> extends ReflectorOptions<T> {
  cluster: Pick<Cluster, 'list' | 'watch' | 'isServed'>;
}

/** How long a check waits for the first copy; it may be complete later. */
const firstCopyMs = 5000;

export class OptionalKind<T> {
  readonly #options: OptionalKindOptions<T>;
  #availability: Availability = 'unknown';
  #following: { reflector: Reflector<T>; ending: AbortController; done: Promise<void> } | undefined;

  constructor(options: OptionalKindOptions<T>) {
    this.#options = options;
  }

  get availability(): Availability {
    return this.#availability;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#following?.reflector.get(namespace, name);
  }

  group(name: string): T[] {
    return this.#following?.reflector.group(name) ?? [];
  }

  /** Looks again; true when something is otherwise than before. */
  async check(signal: AbortSignal): Promise<boolean> {
    const before = this.#availability;
    this.#availability = await this.#look(signal);
    return this.#availability !== before;
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    const following = this.#following;
    this.#following = undefined;
    following?.ending.abort();
    await following?.done;
  }

  async #look(signal: AbortSignal): Promise<Availability> {
    if (this.#following?.reflector.isCurrent) return 'followed';
    const { cluster, resource, labelSelector, log } = this.#options;
    try {
      // Without rights the server answers 403 also for what it does not have.
      const answer = (await cluster.isServed(resource)) ? 'served' : 'absent';
      if (answer === 'served') await cluster.list(resource, { limit: 1, labelSelector }, signal);
      else return await this.#unavailable(answer);
    } catch (error) {
      const status = error instanceof ApiError ? error.status : undefined;
      if (status === 404) return this.#unavailable('absent');
      if (status === 403) return this.#unavailable('forbidden');
      log.warn({ kind: resource.kind, error: messageOf(error) }, 'not known whether it is served');
      return this.#availability;
    }
    this.#following ??= this.#follow();
    return (await isSynced(this.#following.reflector, signal)) ? 'followed' : this.#availability;
  }

  async #unavailable(why: 'absent' | 'forbidden'): Promise<Availability> {
    await this.stop();
    return why;
  }

  #follow() {
    const ending = new AbortController();
    const reflector = new Reflector(this.#options);
    return { reflector, ending, done: reflector.run(ending.signal) };
  }
}

async function isSynced({ synced }: { synced: Promise<void> }, signal: AbortSignal): Promise<boolean> {
  const known = new AbortController();
  const patience = AbortSignal.any([signal, known.signal]);
  const late = delay(firstCopyMs, false, { signal: patience }).catch(() => false);
  try {
    return await Promise.race([synced.then(() => true), late]);
  } finally {
    known.abort();
  }
}
