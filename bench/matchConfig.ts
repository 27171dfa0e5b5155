// The configuration of a match worker, as the controller would write it, for benchmarks that start one alone.
import { loadFunctions } from '../config/functions.ts';
import type { WorkerConfig } from '../config/worker.ts';

/** @param recordings cameras that are recordings; the others are live */
export function matchConfig(
  task: string,
  cameras: readonly string[],
  recordings: readonly string[],
  more: Partial<WorkerConfig>,
): WorkerConfig {
  const camera = (id: string, type: 'RTSP' | 'File') => ({
    id,
    source: { type, realtime: false, transport: 'TCP' },
    mask: [],
  });
  return {
    task: { name: task, namespace: 'default', uid: task, generation: 1 },
    worker: `${task}-match`,
    node: 'cloud',
    stages: ['match'],
    cameras: [...cameras.map((id) => camera(id, 'RTSP')), ...recordings.map((id) => camera(id, 'File'))],
    models: {},
    match: {
      acrossCamera: true,
      mode: 'MultiObject',
      votes: 2,
      overlaps: [],
      travel: [],
      targets: [],
      batching: loadFunctions().functions.match.batching!,
      params: {},
    },
    sinks: {},
    classes: ['person'],
    ...more,
  } as Partial<WorkerConfig> as WorkerConfig;
}
