// What runs a worker and how others reach it: Deployment, Service, configuration, and a disruption budget.
import { createHash } from 'node:crypto';
import type { V1DeploymentSpec, V1ServiceSpec } from '@kubernetes/client-node';
import { fixedPart } from '../../config/liveParts.ts';
import { canonicalJson } from '../../config/task.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import {
  hashAnnotation,
  ownedMetadata,
  workerLabels,
  workerPort,
  groupSelector,
  wholeAnnotation,
  workerSelector,
  type Manifest,
} from './manifest.ts';
import { placementOf, podSpec, type WorkerParts } from './podTemplate.ts';

/** The worker's configuration, as the host reads it. */
export function configMap({ task, worker }: WorkerParts, config: WorkerConfig): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMetadata(task, worker.name, workerLabels(task, worker)),
    data: { 'worker.json': canonicalJson(config) },
  };
}

/** Changes exactly when the worker needs new pods; what it takes over while it runs is no reason for that. */
export function configHash(config: WorkerConfig): string {
  return digestOf(fixedPart(config));
}

function digestOf(value: object): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);
}

/** Workers that run of one Deployment: as the task asks, never more than the function can share its work among. */
export function replicasOf({ task, worker, functions }: WorkerParts): number {
  const counts = worker.config.stages.map((name) => {
    const { min, max, shared } = functions.functions[name].scaling;
    // Who shares its work is several workers, each with a Deployment: see desired.ts.
    if (shared !== undefined) return 1;
    return Math.min(task.spec.stages[name].replicas ?? Math.max(1, min), max);
  });
  // Packed stages cannot be multiplied one by one.
  return Math.min(...counts);
}

export function deployment(parts: WorkerParts, config: WorkerConfig, replicas: number): Manifest {
  const { task, worker } = parts;
  const labels = workerLabels(task, worker);
  const pod = { ...podSpec(parts), ...placementOf(parts, worker.nodeName) };
  const spec: V1DeploymentSpec = {
    replicas,
    revisionHistoryLimit: 2,
    progressDeadlineSeconds: 600,
    // A worker alone holds its cameras, or the identities of its task: two at a time would disagree.
    strategy: { type: 'Recreate' },
    selector: { matchLabels: workerSelector(task, worker.name) },
    template: {
      metadata: {
        labels,
        annotations: { [hashAnnotation]: digestOf({ ...pod, config: configHash(config) }) },
      },
      spec: pod,
    },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...ownedMetadata(task, worker.name, labels),
      annotations: { [wholeAnnotation]: digestOf(spec) },
    },
    spec,
  };
}

export function service({ task, worker }: WorkerParts): Manifest {
  const spec: V1ServiceSpec = {
    type: 'ClusterIP',
    selector: workerSelector(task, worker.name),
    ports: [{ name: 'http', port: workerPort, targetPort: 'http', protocol: 'TCP', appProtocol: 'http' }],
  };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMetadata(task, worker.name, workerLabels(task, worker)),
    spec,
  };
}

/** Only for several pods: with a single one it would keep its node from ever being drained. */
export function disruptionBudget({ task, worker }: WorkerParts): Manifest {
  const matchLabels =
    worker.config.group === undefined ? workerSelector(task, worker.name) : groupSelector(task, worker);
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: ownedMetadata(task, worker.name, workerLabels(task, worker)),
    spec: { maxUnavailable: 1, selector: { matchLabels } },
  };
}
