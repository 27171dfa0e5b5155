// Nodes that KWOK plays: cluster.ts adds them and waits until they are ready.
import type { ApiClient } from './apiClient.ts';
import type { Daemon } from './daemons.ts';

export interface FakeNode {
  name: string;
  labels?: Record<string, string>;
  taints?: { key: string; value?: string; effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' }[];
}

interface NodeObject {
  status: { conditions?: { type: string; status: string }[] };
}

/** `nodes`: which, or how many (node-1, node-2 ...). */
export async function addNodes(api: ApiClient, kwok: Daemon, nodes: number | FakeNode[]): Promise<void> {
  const wanted: FakeNode[] =
    typeof nodes === 'number'
      ? Array.from({ length: nodes }, (_, index) => ({ name: `node-${index + 1}` }))
      : nodes;
  for (const { name, labels, taints } of wanted) {
    const { status, body } = await api.request('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name,
        annotations: { 'kwok.x-k8s.io/node': 'fake' },
        labels: {
          'kubernetes.io/hostname': name,
          'kubernetes.io/arch': 'amd64',
          'kubernetes.io/os': 'linux',
          ...labels,
        },
      },
      spec: { taints: taints ?? [] },
    });
    if (status !== 201) throw new Error(`node ${name}: ${status} ${JSON.stringify(body)}`);
  }
  for (const { name } of wanted)
    await kwok.waitUntil(`node ${name} is not ready`, 60_000, async () => {
      const { body } = await api.request('GET', `/api/v1/nodes/${name}`);
      const conditions = (body as NodeObject).status.conditions ?? [];
      return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
    });
}
