// The tokens of people who may ask about people: taken out of a Secret by the kubelet, so that only the match worker ever sees them.
import type { V1EnvVar } from '@kubernetes/client-node';
import type { Task } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';
import type { Mounted } from './manifest.ts';

const folder = '/etc/multi-edge-inference-access';
const file = 'tokens';

export function accessVariables(task: Task, worker: DesiredWorker): V1EnvVar[] {
  return isAsked(task, worker) ? [{ name: 'MEI_QUERY_TOKENS_FILE', value: `${folder}/${file}` }] : [];
}

/** A file, because files follow a Secret that changes. A missing Secret keeps nobody from starting: then nobody is answered. */
export function accessVolume(task: Task, worker: DesiredWorker): Mounted[] {
  if (!isAsked(task, worker)) return [];
  const { name: secretName, key } = task.spec.access!.tokensRef;
  const secret = { secretName, optional: true, defaultMode: 0o440, items: [{ key, path: file }] };
  return [
    { volume: { name: 'access', secret }, mount: { name: 'access', mountPath: folder, readOnly: true } },
  ];
}

function isAsked({ spec }: Task, { config }: DesiredWorker): boolean {
  return spec.access !== undefined && config.stages.includes('match');
}
