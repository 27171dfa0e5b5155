// The pods of a worker, the same for Deployments and Knative: container, probes, volumes, security, placement.
import type { V1Container, V1EnvVar, V1PodSpec, V1Probe, V1Toleration } from '@kubernetes/client-node';
import type { FunctionList } from '../../config/functions.ts';
import { knative } from '../../config/knative.ts';
import type { Task } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';
import { fileMounts } from './cameraFiles.ts';
import {
  groupSelector,
  workerPort,
  type Installation,
  type Mounted,
  usualReach,
  type Reach,
} from './manifest.ts';
import { resourcesOf } from './resources.ts';
import { hearsBroker, runsOnKnative } from './runtime.ts';
import { accountOf } from './access.ts';
import { credentialVariables, credentialVolume } from './credentials.ts';
import { natsVariables, natsVolume } from './natsAccess.ts';
import { accessVariables, accessVolume } from './queryAccess.ts';
import { storeVariables, storeVolume } from './storeAddress.ts';
import { targetVolume } from './targets.ts';
import { tokenVariables, tokenVolume } from './taskToken.ts';

export const configFolder = '/etc/multi-edge-inference';
export const storeFolder = '/var/lib/multi-edge-inference';
/** Holds the outbox of a worker; see docs/reliability.md for what it survives. */
export const outboxFolder = '/var/lib/multi-edge-inference-outbox';
/** Longer than the host's own deadline for draining (25 s) and the grace before it. */
const terminationGraceS = 35;
const drainGraceMs = 3000;

export interface WorkerParts {
  task: Task;
  worker: DesiredWorker;
  functions: FunctionList;
  installation: Installation;
}

/** A pod spec that the `restricted` Pod Security Standard admits, except that cameras with files need a hostPath. */
export function podSpec(parts: WorkerParts): V1PodSpec {
  const { task, worker, installation } = parts;
  const mounted = volumesOf(parts);
  const secrets = installation.imagePullSecrets.map((name) => ({ name }));
  return {
    serviceAccountName: accountOf(task, worker),
    ...(secrets.length > 0 && { imagePullSecrets: secrets }),
    automountServiceAccountToken: worker.config.stages.includes('status'),
    enableServiceLinks: false,
    terminationGracePeriodSeconds: terminationGraceS,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container(parts, mounted)],
    volumes: mounted.map(({ volume }) => volume),
  };
}

function container({ task, worker, functions, installation }: WorkerParts, mounted: Mounted[]): V1Container {
  return {
    name: 'worker',
    image: installation.image,
    imagePullPolicy: installation.imagePullPolicy,
    // Node is the image's entry point, wherever it lies there.
    args: ['dist/functions/host/main.js'],
    ports: [{ name: 'http', containerPort: workerPort, protocol: 'TCP' }],
    env: environment({ task, worker, functions, installation }),
    // The last lines of its log become the pod's message: the status quotes them.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    resources: resourcesOf(task, worker, functions),
    startupProbe: probe('/healthz', { periodSeconds: 1, failureThreshold: 120 }),
    readinessProbe: probe('/readyz', { periodSeconds: 3, failureThreshold: 2 }),
    livenessProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 3 }),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: mounted.map(({ mount }) => mount),
  };
}

function probe(path: string, times: Pick<V1Probe, 'periodSeconds' | 'failureThreshold'>): V1Probe {
  return { httpGet: { path, port: 'http', scheme: 'HTTP' }, timeoutSeconds: 3, ...times };
}

function environment({ task, worker, installation }: WorkerParts): V1EnvVar[] {
  const values: Record<string, string> = {
    MEI_WORKER_CONFIG: `${configFolder}/worker.json`,
    MEI_HOST: '0.0.0.0',
    MEI_DRAIN_GRACE_MS: String(drainGraceMs),
    PORT: String(workerPort),
    XDG_CACHE_HOME: '/cache',
    WORKER_NAME: worker.name,
    NAMESPACE: task.metadata.namespace,
    SERVICE_NAME: task.metadata.name,
    ...(worker.config.stages.includes('status') && { MEI_STATUS_SINK: 'cluster' }),
    ...(hearsBroker(task, worker) && { [knative.withoutReplies.name]: knative.withoutReplies.value }),
    ...unusual(installation.reach),
    ...installation.tracing?.env,
    ...worker.env,
  };
  return [
    ...Object.entries(values).map(([name, value]) => ({ name, value })),
    ...tokenVariables(task, worker),
    ...natsVariables(task, worker),
    ...localController(task, worker, installation),
    ...credentialVariables(task, worker),
    ...accessVariables(task, worker),
    ...storeVariables(task, worker),
  ];
}

/** The local controller of the node that the pod is on, whichever that is. Knative takes no fields of nodes. */
function localController(
  task: Task,
  worker: DesiredWorker,
  { localControllerPort: port }: Installation,
): V1EnvVar[] {
  if (port === undefined || runsOnKnative(task, worker)) return [];
  return [
    { name: 'HOST_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
    { name: 'MEI_LC_URL', value: `http://$(HOST_IP):${port}` },
    // Sedna's name of it.
    { name: 'LC_SERVER', value: `http://$(HOST_IP):${port}` },
  ];
}

function unusual(reach: Reach): Record<string, string> {
  const usual: Record<string, string> = { ...usualReach };
  return Object.fromEntries(Object.entries(reach).filter(([name, value]) => value !== usual[name]));
}

function volumesOf({ task, worker, installation }: WorkerParts): Mounted[] {
  return [
    {
      volume: { name: 'config', configMap: { name: worker.name } },
      mount: { name: 'config', mountPath: configFolder, readOnly: true },
    },
    tokenVolume(task),
    scratch('tmp', '/tmp', '64Mi'),
    scratch('cache', '/cache', '1Gi'),
    ...(worker.config.storeFolder === undefined ? [] : [store(task, worker)]),
    ...outbox(worker),
    ...natsVolume(task, worker),
    ...accessVolume(task, worker),
    ...storeVolume(task, worker),
    ...fileMounts(worker, installation.fileFolders),
    ...targetVolume(task, worker),
    ...credentialVolume(task, worker),
  ];
}

/** It bounds itself: a limit of the volume would evict the pod with all that waits, and change with every camera. */
function outbox({ config }: DesiredWorker): Mounted[] {
  if (!config.outbox) return [];
  return [{ volume: { name: 'outbox', emptyDir: {} }, mount: { name: 'outbox', mountPath: outboxFolder } }];
}

/**
 * Only match has what must outlive a pod. Several tasks may share a claim; a new task of an old name starts with nothing, unless it
 * names the store: no store of its own lies in that folder.
 */
function store({ metadata, spec }: Task, { config }: DesiredWorker): Mounted {
  const { claimName, storeName } = spec.retention;
  if (claimName === undefined || !config.stages.includes('match'))
    return scratch('store', storeFolder, '4Gi');
  return {
    volume: { name: 'store', persistentVolumeClaim: { claimName } },
    mount: {
      name: 'store',
      mountPath: storeFolder,
      subPath: storeName === undefined ? `${metadata.name}-${metadata.uid ?? ''}` : `named/${storeName}`,
    },
  };
}

function scratch(name: string, mountPath: string, sizeLimit: string): Mounted {
  return { volume: { name, emptyDir: { sizeLimit } }, mount: { name, mountPath } };
}

/** Where the pods of a Deployment may run: on the node of its cameras, else where labels say. */
export function placementOf({ task, worker, installation }: WorkerParts, node: string | undefined) {
  const stages = worker.config.stages.map((name) => task.spec.stages[name]);
  const own: V1Toleration[] = stages.flatMap(({ tolerations }) => tolerations);
  const edge = worker.placement === 'edge';
  const nodeSelector = {
    ...(edge && installation.edgeNodeSelector),
    ...Object.assign({}, ...stages.map((stage) => stage.nodeSelector)),
  } as Record<string, string>;
  return {
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...affinityOf({ task, worker }, node),
    tolerations: unique([...own, ...(edge ? edgeTolerations : [])]),
  } satisfies Partial<V1PodSpec>;
}

/**
 * Those who stand by open the same embedded store, which several nodes cannot have open at a time. With a store on a server they
 * are better apart: then the loss of a node leaves one of them.
 */
function affinityOf(
  { task, worker }: Pick<WorkerParts, 'task' | 'worker'>,
  node: string | undefined,
): Pick<V1PodSpec, 'affinity'> {
  if (node !== undefined) return { affinity: { nodeAffinity: onlyOn(node) } };
  if (worker.config.group === undefined) return {};
  const podAffinityTerm = {
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchLabels: groupSelector(task, worker) },
  };
  if (task.spec.retention.storeRef) {
    const preferred = [{ weight: 100, podAffinityTerm }];
    return { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } };
  }
  return { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [podAffinityTerm] } } };
}

/** By name, so that the scheduler still looks at taints and resources, which spec.nodeName would skip. */
function onlyOn(node: string) {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  return { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] } };
}

/** Edge nodes carry KubeEdge's taint; while one is cut off its pods stay, because they go on working. */
const edgeTolerations: V1Toleration[] = [
  { key: 'node-role.kubernetes.io/edge', operator: 'Exists' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
];

function unique(tolerations: V1Toleration[]): V1Toleration[] {
  return [...new Map(tolerations.map((each) => [JSON.stringify(each), each])).values()];
}
