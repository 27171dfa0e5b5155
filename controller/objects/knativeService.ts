// A worker as a Knative Service: the same pod as in a Deployment, as far as Knative takes its fields, and bounds for its scale.
import type { V1Container, V1PodSpec, V1Probe } from '@kubernetes/client-node';
import { knative } from '../../config/knative.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { hashAnnotation, ownedMetadata, workerLabels, type Manifest, type Mounted } from './manifest.ts';
import { placementOf, podSpec, type WorkerParts } from './podTemplate.ts';
import { knativeName } from './runtime.ts';
import { configHash } from './workload.ts';

export interface Scale {
  min: number;
  max: number;
}

/** Bounds that the functions and the task set together: packed stages cannot be multiplied one by one. */
export function scaleOf({ task, worker, functions }: WorkerParts): Scale {
  const bounds = worker.config.stages.map((name): Scale => {
    const { min, max, shared } = functions.functions[name].scaling;
    if (shared !== undefined) return { min: Math.min(1, min), max: 1 };
    const asked = task.spec.stages[name].replicas;
    return asked === undefined ? { min, max } : { min: Math.min(asked, max), max: Math.min(asked, max) };
  });
  const max = Math.min(...bounds.map((each) => each.max));
  return { min: Math.min(max, Math.max(...bounds.map((each) => each.min))), max };
}

export function knativeService(parts: WorkerParts, config: WorkerConfig): Manifest {
  const { task, worker, functions } = parts;
  const { min, max } = scaleOf(parts);
  const labels = workerLabels(task, worker);
  const concurrency = worker.config.stages
    .map((name) => functions.functions[name].scaling.concurrency)
    .reduce((sum, each) => sum + each);
  return {
    ...knative.service,
    metadata: ownedMetadata(task, knativeName(worker), { ...labels, ...knative.visibility }),
    spec: {
      template: {
        metadata: {
          labels,
          annotations: {
            [hashAnnotation]: configHash(config),
            [knative.scaleAnnotations.min]: String(min),
            [knative.scaleAnnotations.max]: String(max),
            [knative.progressAnnotation]: knative.progressDeadline,
          },
        },
        spec: {
          containerConcurrency: Math.min(concurrency, knative.maxConcurrency),
          timeoutSeconds: knative.timeoutSeconds,
          ...knativePod({ ...podSpec(parts), ...placementOf(parts, undefined) }),
        },
      },
    },
  };
}

/** Knative gives a pod the time of `timeoutSeconds` to end, and refuses what the restricted standard does not need of pods. */
function knativePod(pod: V1PodSpec): V1PodSpec {
  const { serviceAccountName, imagePullSecrets, enableServiceLinks, nodeSelector } = pod;
  const { tolerations = [], volumes = [] } = pod;
  const tokens = pod.automountServiceAccountToken ? [accountToken] : [];
  return {
    serviceAccountName: serviceAccountName!,
    ...(imagePullSecrets && { imagePullSecrets }),
    automountServiceAccountToken: false,
    enableServiceLinks: enableServiceLinks!,
    ...(nodeSelector && { nodeSelector }),
    ...(tolerations.length > 0 && { tolerations }),
    containers: pod.containers.map((container) => knativeContainer(container, pod, tokens)),
    volumes: [...volumes, ...tokens.map(({ volume }) => volume)],
  };
}

function knativeContainer(container: V1Container, pod: V1PodSpec, tokens: Mounted[]): V1Container {
  const { env = [], ports = [], volumeMounts = [], startupProbe, readinessProbe, livenessProbe } = container;
  // In a pod's own context these fields need a switch of Knative's; in the container's they do not.
  const { fsGroup: _, ...identity } = pod.securityContext ?? {};
  return {
    ...container,
    ports: ports.map((port) => ({ ...port, name: knative.portName })),
    // Knative sets PORT itself, to the same port, and refuses it here.
    env: env.filter(({ name }) => name !== 'PORT'),
    startupProbe: onPort(startupProbe!),
    readinessProbe: onPort(readinessProbe!),
    livenessProbe: onPort(livenessProbe!),
    securityContext: { ...container.securityContext, ...identity },
    volumeMounts: [...volumeMounts, ...tokens.map(({ mount }) => mount)],
  };
}

function onPort(probe: V1Probe): V1Probe {
  return { ...probe, httpGet: { ...probe.httpGet!, port: knative.portName } };
}

/** The kubelet's own mount of a token cannot be asked for through Knative; this one has the same content. */
const accountToken: Mounted = {
  volume: {
    name: 'account',
    projected: {
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      ],
    },
  },
  mount: { name: 'account', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
};
