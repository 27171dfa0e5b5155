// Where the match worker's store is when it is on a server: the kubelet takes the address, with its password, out of a Secret.
import type { V1EnvVar } from '@kubernetes/client-node';
import type { Task } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';
import type { Mounted } from './manifest.ts';

const folder = '/etc/multi-edge-inference-store';
const file = 'address';

export function storeVariables(task: Task, worker: DesiredWorker): V1EnvVar[] {
  if (!hasServer(task, worker)) return [];
  const { storeName } = task.spec.retention;
  return [
    { name: 'STORE_URL_FILE', value: `${folder}/${file}` },
    ...(storeName === undefined ? [] : [{ name: 'STORE_NAME', value: storeName }]),
  ];
}

/** A file, because files follow a Secret that changes. Without the Secret the pod waits, and the status says for what. */
export function storeVolume(task: Task, worker: DesiredWorker): Mounted[] {
  if (!hasServer(task, worker)) return [];
  const { name: secretName, key } = task.spec.retention.storeRef!;
  const secret = { secretName, defaultMode: 0o440, items: [{ key, path: file }] };
  return [
    {
      volume: { name: 'store-address', secret },
      mount: { name: 'store-address', mountPath: folder, readOnly: true },
    },
  ];
}

function hasServer({ spec }: Task, { config }: DesiredWorker): boolean {
  return spec.retention.storeRef !== undefined && config.stages.includes('match');
}
