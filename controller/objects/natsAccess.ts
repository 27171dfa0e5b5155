// What a NATS server is shown and by whom it is vouched for: taken out of Secrets by the kubelet, so that only workers that connect see it.
import type { V1EnvVar, V1VolumeProjection } from '@kubernetes/client-node';
import type { Task } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';
import type { Mounted } from './manifest.ts';

const folder = '/etc/multi-edge-inference-nats';
const files = { credentials: 'credentials', ca: 'ca.crt' };

export function natsVariables(task: Task, worker: DesiredWorker): V1EnvVar[] {
  const { credentialsRef, caRef } = refsOf(task, worker);
  return [
    ...(credentialsRef
      ? [{ name: 'MEI_NATS_CREDENTIALS_FILE', value: `${folder}/${files.credentials}` }]
      : []),
    ...(caRef ? [{ name: 'MEI_NATS_CA_FILE', value: `${folder}/${files.ca}` }] : []),
  ];
}

/** Files, because files follow a Secret that changes. A missing Secret keeps nobody from starting: the worker says what is missing. */
export function natsVolume(task: Task, worker: DesiredWorker): Mounted[] {
  const { credentialsRef, caRef } = refsOf(task, worker);
  const sources = [...projection(credentialsRef, files.credentials), ...projection(caRef, files.ca)];
  if (sources.length === 0) return [];
  return [
    {
      volume: { name: 'nats', projected: { defaultMode: 0o440, sources } },
      mount: { name: 'nats', mountPath: folder, readOnly: true },
    },
  ];
}

interface Ref {
  name: string;
  key: string;
}

/** Whoever speaks with a leaf node is not given what opens the hub. */
function refsOf({ spec }: Task, { config }: DesiredWorker): { credentialsRef?: Ref; caRef?: Ref } {
  const { jetStream } = spec.delivery.broker ?? {};
  if (!config.jetstream || !jetStream) return {};
  return (config.jetstream.domain === undefined ? jetStream : jetStream.leaf) ?? {};
}

function projection(ref: Ref | undefined, path: string): V1VolumeProjection[] {
  return ref ? [{ secret: { name: ref.name, items: [{ key: ref.key, path }], optional: true } }] : [];
}
