// What every builder in this folder gives and gets; the reconciler applies manifests without knowing their kinds.
import type { V1ObjectMeta, V1OwnerReference, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { Task } from '../../config/schema/resource.ts';
import { group, kind, version } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';
import type { Tracing } from '../tracing.ts';

/** Which fields somebody set. */
export interface ManagedFields {
  manager?: string;
  operation?: string;
  subresource?: string;
  fieldsV1?: object;
}

/** A Kubernetes object as it goes over the wire. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: V1OwnerReference[];
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    finalizers?: string[];
    managedFields?: ManagedFields[];
  };
  [field: string]: unknown;
}

/** A volume of a worker's pod and where its container sees it. */
export interface Mounted {
  volume: V1Volume;
  mount: V1VolumeMount;
}

/** What the installation decides, not the task. */
export interface Installation {
  /** Image of all workers. */
  image: string;
  imagePullPolicy: 'IfNotPresent' | 'Always' | 'Never';
  /** Names of Secrets, in the namespace of each task, with the login of the image's registry. */
  imagePullSecrets: string[];
  /** Folders of edge nodes whose files tasks may read. */
  fileFolders: string[];
  /** Labels that every node of edge stages must have, besides what the task asks. */
  edgeNodeSelector: Record<string, string>;
  /** Namespaces of Knative's own parts and of its gateway: through them events reach workers on Knative. */
  knativeNamespaces: string[];
  /** What workers may connect to because a task says so, as they read it: see config/networks.ts. */
  reach: Reach;
  /** Where workers send their spans; absent: nothing is traced. */
  tracing?: Tracing;
  /** Port of the local controller on each node; absent: there are none. */
  localControllerPort?: number;
}

/** Lists of networks and hosts, as in the settings of the same names. */
export interface Reach {
  MEI_CAMERA_NETWORKS: string;
  MEI_CAMERA_HOSTS: string;
  MEI_DOWNLOAD_NETWORKS: string;
  MEI_DOWNLOAD_HOSTS: string;
}

/** What workers take for granted, so that nobody has to tell them. */
export const usualReach: Reach = {
  MEI_CAMERA_NETWORKS: 'public,private',
  MEI_CAMERA_HOSTS: '',
  MEI_DOWNLOAD_NETWORKS: 'public',
  MEI_DOWNLOAD_HOSTS: '',
};

/** Port on which workers listen, and which their Services have. */
export const workerPort = 8080;

const prefix = 'multiedgeinference.sedna.io';
export const taskLabel = `${prefix}/name`;
const uidLabel = `${prefix}/uid`;
const workerTypeLabel = `${prefix}/worker-type`;
export const workerLabel = `${prefix}/worker`;
/** Of pods: those with the hash of their Deployment are what is wanted now. */
export const hashAnnotation = `${prefix}/config-hash`;
/** Of all that was asked for, so that something that is no longer asked for is noticed: others may add to lists with names. */
export const wholeAnnotation = `${prefix}/whole-config-hash`;

/** Of what all tasks of a namespace use: it belongs to none, and stays. The task label makes the controller see it. */
export const sharedLabels = {
  'app.kubernetes.io/name': 'multi-edge-inference',
  'app.kubernetes.io/part-of': 'multi-edge-inference',
  'app.kubernetes.io/managed-by': 'multi-edge-inference-controller',
  [taskLabel]: '',
};

export function isShared({ metadata }: Pick<Manifest, 'metadata'>): boolean {
  return metadata.labels?.[taskLabel] === '';
}

/** Labels of everything that belongs to the task. */
export function taskLabels({ metadata }: Task): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'multi-edge-inference',
    'app.kubernetes.io/instance': metadata.name,
    'app.kubernetes.io/part-of': 'multi-edge-inference',
    'app.kubernetes.io/managed-by': 'multi-edge-inference-controller',
    [taskLabel]: metadata.name,
    [uidLabel]: metadata.uid ?? '',
  };
}

/** Labels of one worker's objects and pods: Sedna's, the usual ones, and the worker's name. */
export function workerLabels(task: Task, worker: DesiredWorker): Record<string, string> {
  const type = typeOf(worker);
  return {
    ...taskLabels(task),
    'app.kubernetes.io/component': type,
    [workerTypeLabel]: type,
    [workerLabel]: worker.name,
  };
}

/** Selects the pods of one worker; never changes, because a Deployment's selector cannot. */
export function workerSelector(task: Task, worker: string): Record<string, string> {
  return { [taskLabel]: task.metadata.name, [workerLabel]: worker };
}

/** Selects the pods of all workers that stand in for each other. */
export function groupSelector(task: Task, worker: DesiredWorker): Record<string, string> {
  return { [taskLabel]: task.metadata.name, [workerTypeLabel]: typeOf(worker) };
}

function typeOf({ config: { stages }, placement }: DesiredWorker): string {
  return stages.length === 1 ? stages[0]! : placement;
}

/** Metadata of an object of the task; the owner reference lets the API server collect it with the task. */
export function ownedMetadata(task: Task, name: string, labels: Record<string, string>) {
  const owner: V1OwnerReference = {
    apiVersion: `${group}/${version}`,
    kind,
    name: task.metadata.name,
    uid: task.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    name,
    namespace: task.metadata.namespace,
    labels,
    ownerReferences: [owner],
  } satisfies V1ObjectMeta;
}
