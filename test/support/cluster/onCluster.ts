// Wraps tests that need a real API server: one cluster for the tests inside, skipped loudly where it cannot be had, failed in CI.
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { programsFor, startCluster, type Cluster, type ClusterOptions } from './cluster.ts';
import { whyUnavailable } from './programs.ts';

/** A first build of the programs happens here, and shows its progress. */
const startMs = 25 * 60_000;

/** `define(cluster)` holds the tests; call `cluster()` inside them only. */
export function onCluster(
  name: string,
  options: ClusterOptions,
  define: (cluster: () => Cluster) => void,
): void {
  const reason = whyUnavailable(programsFor(options));
  if (reason !== undefined && process.env['CI'] !== 'true') {
    process.stderr.write(`SKIPPED ${name}: ${reason}\n`);
    test.skip(`${name} (${reason})`, () => {});
    return;
  }
  describe(name, () => {
    let cluster: Cluster | undefined;
    beforeAll(async () => {
      cluster = await startCluster(options);
    }, startMs);
    afterAll(async () => {
      await cluster?.stop();
    }, 60_000);
    define(() => cluster!);
  });
}
