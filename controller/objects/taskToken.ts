// What the workers of a task know each other by: a Secret of the task, and the file that each of its pods has of it.
// reconcile.ts makes the Secret, podTemplate.ts mounts it.
import type { V1EnvVar } from '@kubernetes/client-node';
import type { Task } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';
import { ownedMetadata, taskLabels, type Manifest, type Mounted } from './manifest.ts';
import { hearsBroker } from './runtime.ts';

const folder = '/etc/multi-edge-inference-task';
const key = 'token';

/** One for each life of a task, because that of an earlier task of the same name may still be about to be collected. */
export function secretName({ metadata: { name, uid = '' } }: Task): string {
  return ['mei', name, 'task', uid.slice(0, 8)].filter(Boolean).join('-');
}

/** @param tokens one a line; workers show the first and take all of them */
export function tokenSecret(task: Task, tokens: readonly string[]): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: ownedMetadata(task, secretName(task), taskLabels(task)),
    type: 'Opaque',
    stringData: { [key]: `${tokens.join('\n')}\n` },
  };
}

export function tokenVariables(task: Task, worker: DesiredWorker): V1EnvVar[] {
  return [
    { name: 'MEI_TASK_TOKEN_FILE', value: `${folder}/${key}` },
    // Brokers hand events on without it.
    ...(hearsBroker(task, worker) ? [{ name: 'MEI_TASK_TOKEN', value: 'shown' }] : []),
  ];
}

/** A file, because files follow a Secret that changes. */
export function tokenVolume(task: Task): Mounted {
  const secret = { secretName: secretName(task), defaultMode: 0o440, items: [{ key, path: key }] };
  return {
    volume: { name: 'task-token', secret },
    mount: { name: 'task-token', mountPath: folder, readOnly: true },
  };
}
