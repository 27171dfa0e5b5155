// What the console says of a task before it ran: read from the task itself, or from what its workers were told. runSource.ts
// and the match worker's console call it.
import type { WorkerConfig } from '../../config/worker.ts';
import type { TaskView } from './types.ts';

/** The part of a TaskView that does not change while the task runs. */
export type TaskFacts = Pick<
  TaskView,
  'name' | 'namespace' | 'overlaps' | 'mode' | 'targets' | 'contacts' | 'models' | 'retentionS'
> & {
  allowed: { from: string; to: string; minS: number; maxS: number }[];
  cameras: CameraFacts[];
};

export interface CameraFacts {
  id: string;
  source: string;
  masked: boolean;
  /** Path of a recording on this machine, and the media time of its first picture. */
  recording?: { path: string; from: number };
}

/** @param worker the one that matches: it knows all cameras */
export function factsOf({ task, cameras, match, models }: WorkerConfig): TaskFacts {
  return {
    name: task.name,
    namespace: task.namespace,
    overlaps: match.overlaps.map((overlap) => overlap.cameras),
    allowed: match.travel,
    mode: match.mode,
    targets: match.targets.map(({ name }) => name),
    ...(match.contacts && {
      contacts: {
        method: match.contacts.method,
        minimumS: match.contacts.minimumS,
        ...(match.contacts.method === 'GroundPlane' && { distanceM: match.contacts.distanceM }),
      },
    }),
    models: Object.entries(models).flatMap(([stage, model]) => (model ? [{ stage, name: model.name }] : [])),
    ...(match.retentionS !== undefined && { retentionS: match.retentionS }),
    cameras: cameras.map(({ id, source, mask }) => ({
      id,
      source: source.type,
      masked: mask.length > 0,
      ...(source.type === 'File' &&
        source.uri !== undefined &&
        source.startTime !== undefined && { recording: { path: source.uri, from: source.startTime } }),
    })),
  };
}
