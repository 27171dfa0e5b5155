// Query pictures that lie in Secrets and ConfigMaps: mounted as files into the worker that matches.
import type { V1VolumeProjection } from '@kubernetes/client-node';
import type { Task } from '../../config/schema/resource.ts';
import { targetImagesFolder, type DesiredWorker } from '../desired.ts';
import type { Mounted } from './manifest.ts';

/** One volume with `<target>/<number>`, as desired() names the files; missing ones do not keep the worker from starting. */
export function targetVolume(task: Task, { config }: DesiredWorker): Mounted[] {
  if (!config.stages.includes('match')) return [];
  const sources = task.spec.targets.flatMap(({ name, images }) =>
    images.flatMap(({ secretKeyRef, configMapKeyRef }, index): V1VolumeProjection[] => {
      const items = (key: string) => [{ key, path: `${name}/${index}` }];
      if (secretKeyRef)
        return [{ secret: { name: secretKeyRef.name, items: items(secretKeyRef.key), optional: true } }];
      if (configMapKeyRef)
        return [
          { configMap: { name: configMapKeyRef.name, items: items(configMapKeyRef.key), optional: true } },
        ];
      return [];
    }),
  );
  if (sources.length === 0) return [];
  return [
    {
      volume: { name: 'targets', projected: { sources } },
      mount: { name: 'targets', mountPath: targetImagesFolder, readOnly: true },
    },
  ];
}
