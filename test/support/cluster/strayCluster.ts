// A process that starts a cluster and never stops it: cluster.test.ts kills it.
//   node --import tsx test/support/cluster/strayCluster.ts
import { startCluster } from './cluster.ts';

const { folder, url } = await startCluster();
process.stdout.write(`${JSON.stringify({ folder, url })}\n`);
setInterval(() => {}, 60_000);
