// What is kept in memory of a pod: the reflector of pods projects each one, podTrouble.ts and workers.ts read it.
import type { V1Pod } from '@kubernetes/client-node';
import { hashAnnotation, type Manifest } from './objects/manifest.ts';

export type PodView = Manifest & { spec?: { nodeName?: string }; status?: V1Pod['status'] };

const conditionsKept = ['Ready', 'PodScheduled', 'PodReadyToStartContainers'];

export function podView(pod: Manifest): PodView {
  const { name, namespace, labels, annotations, uid, resourceVersion, deletionTimestamp } = pod.metadata;
  const hash = annotations?.[hashAnnotation];
  const { nodeName } = (pod as PodView).spec ?? {};
  const { phase, reason, message, conditions, containerStatuses } = (pod as PodView).status ?? {};
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: {
      name,
      namespace,
      ...(labels && { labels }),
      ...(hash !== undefined && { annotations: { [hashAnnotation]: hash } }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
    ...(nodeName !== undefined && { spec: { nodeName } }),
    status: {
      ...(phase !== undefined && { phase }),
      ...(reason !== undefined && { reason }),
      ...(message !== undefined && { message }),
      ...(conditions && { conditions: conditions.filter(({ type }) => conditionsKept.includes(type)) }),
      ...(containerStatuses && { containerStatuses }),
    },
  };
}
