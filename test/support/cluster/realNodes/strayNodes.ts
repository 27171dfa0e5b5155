// A process that starts real nodes with a pod on one and never stops them: realNodes.cluster.test.ts kills it.
//   node --import tsx test/support/cluster/realNodes/strayNodes.ts
import { sandboxImage } from './containerd.ts';
import { startRealCluster } from './realCluster.ts';

const { nodes, cgroup, kubectl } = await startRealCluster([{ name: 'stray-1', isEdge: false }]);
// The image of sandboxes is the only one there is, and it does what a pod needs here: nothing.
await kubectl(
  ['apply', '-f', '-'],
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'idle', namespace: 'default' },
    spec: {
      containers: [
        { name: 'idle', image: sandboxImage, resources: { limits: { cpu: '100m', memory: '32Mi' } } },
      ],
    },
  }),
);
await kubectl(['wait', '--for=condition=Ready', 'pod/idle', '--timeout=50s']);
const { address, podCidr } = nodes[0]!;
process.stdout.write(`${JSON.stringify({ cgroup, address, podCidr })}\n`);
setInterval(() => {}, 60_000);
