// Keeps a copy of one kind's objects as the API server has them, and tells which changed. main.ts starts one per kind.
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, type BackoffOptions } from './backoff.ts';
import type { Cluster, WatchEvent } from './cluster.ts';
import { ApiError, messageOf, TransientError } from './errors.ts';
import type { Log } from './log.ts';
import type { Manifest } from './objects/manifest.ts';
import type { Resource } from './resources.ts';

export interface ReflectorOptions<T> {
  cluster: Pick<Cluster, 'list' | 'watch'>;
  resource: Resource;
  labelSelector?: string;
  /** What is kept of an object, as JSON can say it: memory is for what reconcile looks at. */
  project: (object: Manifest) => T;
  /** Called with what is known of a changed object. It may only note a key: the stream waits for it. */
  onChange: (object: T, isGone: boolean) => void;
  /** Objects of one group are found together; undefined: of none. */
  groupOf?: (object: T) => string | undefined;
  log: Log;
  timing?: Partial<ReflectorTiming>;
}

export interface ReflectorTiming {
  pageSize: number;
  /** The server ends a watch after this, give or take a tenth. */
  watchSeconds: number;
  /**
   * A stream that brings nothing for so long, not even a bookmark, may be dead: TCP alone would never say. It is asked for
   * anew, which costs little: servers send no bookmarks either while nothing of a kind has changed since it was asked for.
   */
  idleMs: number;
  backoff: BackoffOptions;
}

const usualTiming: ReflectorTiming = {
  pageSize: 100,
  watchSeconds: 300,
  idleMs: 90_000,
  backoff: { minMs: 1000, maxMs: 30_000 },
};

/**
 * Copies are kept as text, which is smaller than what it is parsed into and holds nothing that the garbage collector must walk.
 * Most are looked at a few times in their life.
 */
interface Kept {
  text: string;
  group: string | undefined;
}

/** The stream is of no use any more: only a new list tells what happened. */
class StaleError extends Error {}

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  #objects = new Map<string, Kept>();
  /** Group -> keys of its objects. */
  #groups = new Map<string, Set<string>>();
  #version: string | undefined;
  #isWatching = false;
  #failures = 0;
  #markSynced!: () => void;
  /** Resolves when the first list is complete; never before. */
  readonly synced = new Promise<void>((resolve) => (this.#markSynced = resolve));

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timing = { ...usualTiming, ...options.timing };
  }

  get(namespace: string | undefined, name: string): T | undefined {
    const kept = this.#objects.get(keyOf(namespace, name));
    return kept && this.#unpacked(kept);
  }

  has(namespace: string | undefined, name: string): boolean {
    return this.#objects.has(keyOf(namespace, name));
  }

  /** Of objects, `namespace/name`; those without a namespace have only a name. */
  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  /** Objects of a group, in no particular order. */
  group(name: string): T[] {
    return [...(this.#groups.get(name) ?? [])].map((key) => this.#unpacked(this.#objects.get(key)!));
  }

  *values(): Generator<T> {
    for (const kept of this.#objects.values()) yield this.#unpacked(kept);
  }

  /** Whether the copy follows the server right now. */
  get isCurrent(): boolean {
    return this.#isWatching;
  }

  /** Lists, watches, and begins anew after whatever happens, until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Only an event or a long life takes it back: a server that ends every stream at once must not be asked without end.
      this.#failures++;
      try {
        this.#version ??= await this.#listAll(signal);
        await this.#watchOnce(signal);
        if (this.#failures === 0) continue;
      } catch (error) {
        if (signal.aborted) return;
        this.#note(error);
      } finally {
        this.#isWatching = false;
      }
      await this.#pause(signal);
    }
  }

  async #listAll(signal: AbortSignal): Promise<string> {
    const { cluster, resource, labelSelector, project, onChange } = this.#options;
    const found = new Map<string, Kept>();
    let next: string | undefined;
    let version: string;
    do {
      const query = { limit: this.#timing.pageSize, continue: next, labelSelector };
      const page = await cluster.list(resource, query, signal);
      for (const item of page.items) found.set(keyOfObject(item), this.#packed(project(item)));
      version = page.resourceVersion;
      next = page.next;
    } while (next !== undefined);
    const before = this.#objects;
    this.#objects = found;
    this.#groups = new Map();
    for (const [key, { group }] of found) this.#addToGroup(key, group);
    for (const [key, kept] of before) if (!found.has(key)) onChange(this.#unpacked(kept), true);
    for (const kept of found.values()) onChange(this.#unpacked(kept), false);
    this.#markSynced();
    return version;
  }

  /** Resolves when a stream ends in good order, or is silent for too long; it went on from the last event either way. */
  async #watchOnce(signal: AbortSignal): Promise<void> {
    const { cluster, resource, labelSelector } = this.#options;
    const { idleMs, watchSeconds, backoff } = this.#timing;
    const silent = new AbortController();
    const watchdog = setTimeout(() => silent.abort(), idleMs);
    let openedMs: number | undefined;
    try {
      await cluster.watch(resource, {
        resourceVersion: this.#version!,
        labelSelector,
        timeoutSeconds: Math.ceil(watchSeconds * (0.9 + Math.random() * 0.2)),
        signal: AbortSignal.any([signal, silent.signal]),
        onOpen: () => {
          openedMs = performance.now();
          this.#isWatching = true;
        },
        onEvent: (event) => {
          this.#take(event);
          watchdog.refresh();
          this.#failures = 0;
        },
      });
    } catch (cause) {
      if (!silent.signal.aborted) throw cause;
      if (openedMs === undefined) throw new TransientError(`no answer for ${idleMs} ms`, { cause });
    } finally {
      clearTimeout(watchdog);
      if (openedMs !== undefined && performance.now() - openedMs >= backoff.maxMs) this.#failures = 0;
    }
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR')
      throw new StaleError(`${object.code ?? ''} ${object.reason ?? object.message ?? ''}`);
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined) this.#version = resourceVersion;
    if (type === 'BOOKMARK') return;
    const key = keyOfObject(object);
    const { apiVersion, kind } = this.#options.resource;
    const kept = this.#options.project({ ...object, apiVersion, kind });
    this.#removeFromGroup(key, this.#objects.get(key)?.group);
    if (type === 'DELETED') this.#objects.delete(key);
    else {
      const packed = this.#packed(kept);
      this.#objects.set(key, packed);
      this.#addToGroup(key, packed.group);
    }
    this.#options.onChange(kept, type === 'DELETED');
  }

  #packed(object: T): Kept {
    return { text: JSON.stringify(object), group: this.#options.groupOf?.(object) };
  }

  #unpacked({ text }: Kept): T {
    return JSON.parse(text) as T;
  }

  #addToGroup(key: string, name: string | undefined): void {
    if (name === undefined) return;
    const group = this.#groups.get(name);
    if (group) group.add(key);
    else this.#groups.set(name, new Set([key]));
  }

  #removeFromGroup(key: string, name: string | undefined): void {
    const group = name === undefined ? undefined : this.#groups.get(name);
    group?.delete(key);
    if (group?.size === 0) this.#groups.delete(name!);
  }

  /** After a broken connection, or where the server cannot serve it now, the stream goes on where it was; else only a list helps. */
  #note(error: unknown): void {
    const { resource, log } = this.#options;
    if (!(error instanceof TransientError) && !isNotNow(error)) this.#version = undefined;
    if (error instanceof StaleError) log.info({ kind: resource.kind, error: error.message }, 'listing anew');
    else log.warn({ kind: resource.kind, error: messageOf(error) }, 'watching failed');
    if (error instanceof ApiError && error.retryAfterMs !== undefined)
      this.#retryAfterMs = error.retryAfterMs;
  }

  #retryAfterMs = 0;

  async #pause(signal: AbortSignal): Promise<void> {
    const ms = Math.max(this.#retryAfterMs, backoffMs(this.#failures - 1, this.#timing.backoff));
    this.#retryAfterMs = 0;
    await delay(ms, undefined, { signal }).catch(() => undefined);
  }
}

/** Says nothing about the stream: too many ask, or the server has just started and knows neither data nor roles yet. */
function isNotNow(error: unknown): boolean {
  return error instanceof ApiError && [401, 403, 429, 503].includes(error.status);
}

function keyOfObject({ metadata }: Manifest): string {
  return keyOf(metadata.namespace, metadata.name);
}

function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
