// Wraps tests that need containers: one cluster with real nodes for the tests inside, skipped with one loud line where it cannot run.
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { startRealCluster, type NodeSettings, type RealCluster } from './realCluster.ts';
import { whyNoRealNodes } from './requirements.ts';

/** A first build of the programs happens here, and shows its progress. */
const startMs = 25 * 60_000;

/** `define(cluster)` holds the tests; call `cluster()` inside them only. Skipped in CI too where the machine cannot. */
export function onRealNodes(
  name: string,
  nodes: NodeSettings[],
  define: (cluster: () => RealCluster) => void,
): void {
  const reason = whyNoRealNodes();
  if (reason !== undefined) {
    process.stderr.write(`SKIPPED ${name}: ${reason}\n`);
    test.skip(`${name} (${reason})`, () => {});
    return;
  }
  describe(name, () => {
    let cluster: RealCluster | undefined;
    beforeAll(async () => {
      cluster = await startRealCluster(nodes);
    }, startMs);
    afterAll(async () => {
      await cluster?.stop();
    }, 60_000);
    define(() => cluster!);
  });
}
