// User names and passwords of cameras: taken from Secrets by the kubelet, so that only the camera's worker ever sees them.
import type { V1EnvVar } from '@kubernetes/client-node';
import type { Task } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';

/** Environment of the worker that pulls the cameras. */
export function credentialVariables(task: Task, { config }: DesiredWorker): V1EnvVar[] {
  if (!config.stages.includes('ingest')) return [];
  return config.cameras.flatMap(({ id, source }) => {
    const secret = task.spec.cameras.find((camera) => camera.id === id)?.source.secretRef;
    if (!secret || source.usernameEnv === undefined || source.passwordEnv === undefined) return [];
    const from = (key: string) => ({ secretKeyRef: { name: secret.name, key } });
    return [
      { name: source.usernameEnv, valueFrom: from(secret.usernameKey) },
      { name: source.passwordEnv, valueFrom: from(secret.passwordKey) },
    ];
  });
}
