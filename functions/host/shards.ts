// Which of several workers takes a camera's events: chain.ts and nodeOutbox.ts ask for each event, because cameras come and go.
import type { WorkerConfig } from '../../config/worker.ts';

/** URL of the worker; undefined where a type has only one receiver, or nobody has the camera yet. */
export function shardOf(
  { shards }: Pick<WorkerConfig, 'shards'>,
  type: string,
  camera: string | undefined,
): string | undefined {
  if (camera === undefined) return undefined;
  return shards?.[type]?.find(({ cameras }) => cameras.includes(camera))?.url;
}
