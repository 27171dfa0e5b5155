// Names of Services: CoreDNS on a test machine, behind the Service that pods ask. realCluster.ts starts it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../cluster.ts';
import type { Machine } from './machines.ts';

export const dnsAddress = '10.96.0.10';

export async function startDns(
  machine: Machine,
  program: string,
  { kubeconfigPath, kubectl }: Cluster,
): Promise<void> {
  writeFileSync(
    join(machine.libraryFolder, 'Corefile'),
    `.:53 {\n  errors\n  ready :8181\n  kubernetes cluster.local in-addr.arpa {\n    kubeconfig ${kubeconfigPath}\n  }\n}\n`,
  );
  const daemon = machine.start('coredns', program, ['-conf', '/var/lib/Corefile']);
  await kubectl(['apply', '-f', '-'], JSON.stringify(objects(machine.address)));
  await daemon.waitUntil('CoreDNS is not ready', 60_000, async () => {
    return (await fetch(`http://${machine.address}:8181/ready`)).ok;
  });
}

function objects(address: string): object {
  const protocols = ['UDP', 'TCP'].map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 53 }));
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'kube-dns', namespace: 'kube-system' },
        spec: { clusterIP: dnsAddress, ports: protocols },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: 'kube-dns',
          namespace: 'kube-system',
          labels: { 'kubernetes.io/service-name': 'kube-dns' },
        },
        addressType: 'IPv4',
        endpoints: [{ addresses: [address], conditions: { ready: true } }],
        ports: protocols,
      },
    ],
  };
}
