// Only one controller works at a time: the one whose name is in the Lease. main.ts waits for it, and ends when it is lost.
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { ApiError, messageOf } from './errors.ts';
import type { Log } from './log.ts';
import type { Manifest } from './objects/manifest.ts';
import { leaseResource } from './resources.ts';

export interface LeaderOptions {
  cluster: Pick<Cluster, 'get' | 'create' | 'replace'>;
  namespace: string;
  name: string;
  /** Of this process; never used again by another. */
  identity: string;
  log: Log;
  /** Others wait so long after the last sign of life. */
  leaseMs?: number;
  /** Without success for so long the holder gives up: before others may begin. */
  renewDeadlineMs?: number;
  retryMs?: number;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

export class Leader {
  readonly #options: Required<LeaderOptions>;
  /** The lease as it was last seen to change, and when that was by our own clock: clocks of others prove nothing. */
  #seen: { version: string; atMs: number } | undefined;
  #held: Manifest | undefined;

  constructor(options: LeaderOptions) {
    this.#options = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000, ...options };
  }

  /** Resolves when this process leads. @throws AbortError when `signal` aborts */
  async acquire(signal: AbortSignal): Promise<void> {
    while (!(await this.#tryAcquire())) {
      const { retryMs } = this.#options;
      await delay(retryMs * (1 + Math.random() * 0.2), undefined, { signal });
    }
  }

  /** Renews until it fails for too long, or somebody else leads; resolves with the reason. Also when `signal` aborts. */
  async keep(signal: AbortSignal): Promise<string> {
    const { retryMs, renewDeadlineMs } = this.#options;
    let renewedMs = performance.now();
    for (;;) {
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return 'asked to end';
      const leftMs = renewDeadlineMs - (performance.now() - renewedMs);
      const outcome = await Promise.race([this.#renew(), delay(Math.max(0, leftMs), 'late' as const)]);
      if (outcome === 'renewed') renewedMs = performance.now();
      else if (outcome === 'taken') return 'another controller leads';
      else if (performance.now() - renewedMs >= renewDeadlineMs)
        return `the lease could not be renewed for ${renewDeadlineMs} ms`;
    }
  }

  /** Gives the lease back, so that the next one need not wait. */
  async release(): Promise<void> {
    if (!this.#held) return;
    const spec = { ...(this.#held['spec'] as LeaseSpec), holderIdentity: '', leaseDurationSeconds: 1 };
    try {
      await this.#options.cluster.replace({ ...this.#held, spec });
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'lease not released');
    }
    this.#held = undefined;
  }

  async #tryAcquire(): Promise<boolean> {
    const { cluster, namespace, name, log } = this.#options;
    try {
      const lease = await cluster.get(leaseResource, namespace, name);
      if (lease && !this.#isFree(lease)) return false;
      this.#held = lease
        ? await cluster.replace({ ...lease, spec: this.#spec(lease['spec'] as LeaseSpec) })
        : await cluster.create({
            apiVersion: leaseResource.apiVersion,
            kind: leaseResource.kind,
            metadata: { name, namespace },
            spec: this.#spec(undefined),
          });
      return true;
    } catch (error) {
      // A conflict means that another one was faster.
      if (!(error instanceof ApiError && error.status === 409))
        log.warn({ error: messageOf(error) }, 'lease not acquired');
      return false;
    }
  }

  #isFree({ metadata, ...lease }: Manifest): boolean {
    const { holderIdentity } = (lease['spec'] ?? {}) as LeaseSpec;
    if (!holderIdentity || holderIdentity === this.#options.identity) return true;
    const version = metadata.resourceVersion ?? '';
    if (this.#seen?.version !== version) this.#seen = { version, atMs: performance.now() };
    return performance.now() - this.#seen.atMs >= this.#options.leaseMs;
  }

  async #renew(): Promise<'renewed' | 'taken' | 'failed'> {
    const { cluster, namespace, name, identity, log } = this.#options;
    try {
      const held = this.#held!;
      this.#held = await cluster.replace({ ...held, spec: this.#spec(held['spec'] as LeaseSpec) });
      return 'renewed';
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'lease not renewed');
      if (!(error instanceof ApiError)) return 'failed';
    }
    try {
      // Our own change may have arrived although its answer did not.
      const lease = await cluster.get(leaseResource, namespace, name);
      const { holderIdentity } = (lease?.['spec'] ?? {}) as LeaseSpec;
      if (!lease || holderIdentity !== identity) return 'taken';
      this.#held = lease;
    } catch {
      // Unreachable: the deadline decides.
    }
    return 'failed';
  }

  #spec(before: LeaseSpec | undefined): LeaseSpec {
    const { identity, leaseMs } = this.#options;
    const now = new Date().toISOString().replace('Z', '000Z');
    const isOurs = before?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: isOurs && before.acquireTime !== undefined ? before.acquireTime : now,
      renewTime: now,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (isOurs || !before?.holderIdentity ? 0 : 1),
    };
  }
}
