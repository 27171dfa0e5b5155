// Secrets of cameras: the kubelet takes them out of Secrets, so that only the camera's worker ever sees them.
import type { V1EnvVar, V1VolumeProjection } from '@kubernetes/client-node';
import type { Camera } from '../../config/schema/camera.ts';
import type { Task } from '../../config/schema/resource.ts';
import { sourceTypeOf } from '../../config/schema/source.ts';
import type { CameraConfig } from '../../config/worker.ts';
import type { DesiredWorker } from '../desired.ts';
import type { Mounted } from './manifest.ts';

const folder = '/etc/multi-edge-inference-cameras';

/** Environment of the worker that serves the cameras: user names and passwords, and where its files are. */
export function credentialVariables(task: Task, worker: DesiredWorker): V1EnvVar[] {
  return camerasOf(task, worker).flatMap(
    ([
      { id, source },
      {
        source: { secretRef },
      },
    ]) => {
      const from = (key: string) => ({ secretKeyRef: { name: secretRef!.name, key } });
      const login =
        secretRef && source.usernameEnv !== undefined && source.passwordEnv !== undefined
          ? [
              { name: source.usernameEnv, valueFrom: from(secretRef.usernameKey) },
              { name: source.passwordEnv, valueFrom: from(secretRef.passwordKey) },
            ]
          : [];
      const { caFileEnv } = source.tls ?? {};
      const { tokenFileEnv } = source.push ?? {};
      return [
        ...login,
        ...(caFileEnv === undefined ? [] : [{ name: caFileEnv, value: `${folder}/${id}/ca.crt` }]),
        ...(tokenFileEnv === undefined ? [] : [{ name: tokenFileEnv, value: `${folder}/${id}/token` }]),
      ];
    },
  );
}

/**
 * Tokens and certificates as files, because files follow a Secret that changes. A missing Secret keeps nobody from starting:
 * its camera alone does not work, and says why.
 */
export function credentialVolume(task: Task, worker: DesiredWorker): Mounted[] {
  const sources = camerasOf(task, worker).flatMap(
    ([
      { id },
      {
        source: { tls, push },
      },
    ]): V1VolumeProjection[] => [
      ...projection(tls?.caRef, `${id}/ca.crt`),
      ...projection(push?.tokenRef, `${id}/token`),
    ],
  );
  if (sources.length === 0) return [];
  return [
    {
      volume: { name: 'cameras', projected: { defaultMode: 0o440, sources } },
      mount: { name: 'cameras', mountPath: folder, readOnly: true },
    },
  ];
}

/** One line for each camera whose pictures anybody could send. */
export function pushWithoutToken({ spec }: Task): string[] {
  return spec.cameras
    .filter(({ source }) => sourceTypeOf(source) === 'Push' && source.push?.tokenRef === undefined)
    .map(
      ({ id }) =>
        `camera ${id}: anybody could push its pictures: name a Secret with its token in source.push.tokenRef`,
    );
}

function projection(ref: { name: string; key: string } | undefined, path: string): V1VolumeProjection[] {
  return ref ? [{ secret: { name: ref.name, items: [{ key: ref.key, path }], optional: true } }] : [];
}

/** The cameras that a worker pulls or takes pictures of, each as the worker and as the task knows it. */
function camerasOf(task: Task, { config }: DesiredWorker): [CameraConfig, Camera][] {
  if (!config.stages.includes('ingest')) return [];
  return config.cameras.flatMap((camera): [CameraConfig, Camera][] => {
    const given = task.spec.cameras.find(({ id }) => id === camera.id);
    return given ? [[camera, given]] : [];
  });
}
