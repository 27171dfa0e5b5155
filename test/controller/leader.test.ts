import { afterEach, expect, test } from '@jest/globals';
import type { Cluster } from '../../controller/cluster.ts';
import { ApiError, TransientError } from '../../controller/errors.ts';
import { Leader } from '../../controller/leader.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { recordingLog } from './recordingLog.ts';

let ending = new AbortController();
afterEach(() => {
  ending.abort();
  ending = new AbortController();
});

type Leases = Pick<Cluster, 'get' | 'create' | 'replace'>;

/** The Lease of an API server: each change has a version, and a change of an old one is a conflict. */
function leases(): Leases & { lease: Manifest | undefined; isDown: boolean } {
  let version = 0;
  const server = {
    lease: undefined as Manifest | undefined,
    isDown: false,
    async get() {
      if (server.isDown) throw new TransientError('unreachable');
      return structuredClone(server.lease);
    },
    async create(manifest: Manifest) {
      if (server.isDown) throw new TransientError('unreachable');
      if (server.lease) throw new ApiError(409, 'AlreadyExists', 'there is one');
      return store(manifest);
    },
    async replace(manifest: Manifest) {
      if (server.isDown) throw new TransientError('unreachable');
      if (manifest.metadata.resourceVersion !== server.lease?.metadata.resourceVersion)
        throw new ApiError(409, 'Conflict', 'it was changed');
      return store(manifest);
    },
  };
  function store(manifest: Manifest) {
    const metadata = { ...manifest.metadata, resourceVersion: String(++version) };
    server.lease = structuredClone({ ...manifest, metadata });
    return structuredClone(server.lease);
  }
  return server;
}

function candidate(cluster: Leases, identity: string) {
  const times = { leaseMs: 300, renewDeadlineMs: 200, retryMs: 20 };
  return new Leader({ cluster, namespace: 'ns', name: 'lease', identity, log: recordingLog(), ...times });
}

function specOf(lease: Manifest | undefined) {
  return lease?.['spec'] as { holderIdentity: string; renewTime: string; leaseTransitions: number };
}

test('the first takes the lease, the second waits until it is given back', async () => {
  const server = leases();
  const first = candidate(server, 'one');
  await first.acquire(ending.signal);
  let isSecond = false;
  const second = candidate(server, 'two');
  const acquired = second.acquire(ending.signal).then(() => (isSecond = true));
  const kept = new AbortController();
  const reason = first.keep(kept.signal);
  while (Number(server.lease?.metadata.resourceVersion) < 5)
    await new Promise((resolve) => setImmediate(resolve));
  expect(isSecond).toBe(false);
  kept.abort();
  expect(await reason).toBe('asked to end');
  await first.release();
  await acquired;
  expect(specOf(server.lease).holderIdentity).toBe('two');
});

test('times are written with microseconds, as the Lease wants them', async () => {
  const server = leases();
  await candidate(server, 'one').acquire(ending.signal);
  expect(specOf(server.lease).renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test.each(['1999-01-01T00:00:00.000000Z', '2999-01-01T00:00:00.000000Z'])(
  'a holder whose clock says %s is believed as long as its lease changes, and no longer',
  async (renewTime) => {
    const server = leases();
    const spec = () => ({
      holderIdentity: 'skewed',
      renewTime,
      leaseDurationSeconds: 1,
      leaseTransitions: 4,
    });
    await server.create({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'lease', namespace: 'ns' },
      spec: spec(),
    });
    let isTaken = false;
    const acquired = candidate(server, 'two')
      .acquire(ending.signal)
      .then(() => (isTaken = true));
    for (let beat = 0; beat < 10; beat++) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      await server.replace({ ...server.lease!, spec: spec() });
    }
    expect(isTaken).toBe(false);
    await acquired;
    expect(specOf(server.lease)).toMatchObject({ holderIdentity: 'two', leaseTransitions: 5 });
  },
);

test('of two that see it free only one gets it', async () => {
  const server = leases();
  const both = ['one', 'two'].map((identity) =>
    candidate(server, identity)
      .acquire(ending.signal)
      .then(() => identity),
  );
  const winner = await Promise.race(both);
  expect(specOf(server.lease).holderIdentity).toBe(winner);
  for (const each of both) each.catch(() => undefined);
});

test('who cannot renew gives up before others may begin', async () => {
  const server = leases();
  const leader = candidate(server, 'one');
  await leader.acquire(ending.signal);
  server.isDown = true;
  expect(await leader.keep(ending.signal)).toContain('could not be renewed');
});

test('who was replaced knows it at the next renewal', async () => {
  const server = leases();
  const leader = candidate(server, 'one');
  await leader.acquire(ending.signal);
  await server.replace({ ...server.lease!, spec: { ...specOf(server.lease), holderIdentity: 'thief' } });
  expect(await leader.keep(ending.signal)).toBe('another controller leads');
});

test('a change of others that leaves the holder alone does not end the lead', async () => {
  const server = leases();
  const leader = candidate(server, 'one');
  await leader.acquire(ending.signal);
  await server.replace({ ...server.lease!, metadata: { ...server.lease!.metadata, labels: { a: 'b' } } });
  const kept = new AbortController();
  const reason = leader.keep(kept.signal);
  while (Number(server.lease?.metadata.resourceVersion) < 4)
    await new Promise((resolve) => setImmediate(resolve));
  kept.abort();
  expect(await reason).toBe('asked to end');
});
