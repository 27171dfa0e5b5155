// Runs the edge workers of a task as real processes, with a recording cloud in place of match and status.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFunctions } from '../../config/functions.ts';
import { defaultModels, resolveModel } from '../../config/models.ts';
import type { Task } from '../../config/schema/resource.ts';
import { parseTask } from '../../config/task.ts';
import { desired } from '../../controller/desired.ts';
import { startWorkers } from '../../controller/processes.ts';
import { startRecordingCloud, type Crossing } from './cloud.ts';

/** Loads TypeScript in child processes of a test. */
export const execArgv = ['--import', 'tsx'];

/** A task over the sample cameras; `spec` overrides parts of it. */
export function sampleTask(spec: object = {}): Task {
  const camera = (id: string) => ({
    id,
    fps: 2,
    source: { uri: join(process.cwd(), `samples/${id}.mp4`), startTime: '2026-01-01T12:00:00Z' },
  });
  return parseTask(
    JSON.stringify({
      apiVersion: 'sedna.io/v1alpha1',
      kind: 'MultiEdgeInference',
      metadata: { name: 'sample' },
      spec: { cameras: [camera('left'), camera('right')], packing: 'PerNode', ...spec },
    }),
    'sample.yaml',
  );
}

/** Everything that reached the cloud until the streams of all cameras ended. */
export async function crossingsOf(task: Task, timeoutMs = 240_000): Promise<Crossing[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mei-edge-'));
  const cloud = await startRecordingCloud();
  const plan = desired(task, {
    functions: loadFunctions(),
    resolveModel,
    defaultModels,
    threads: 1,
    clockStart: 0,
    storeFolder: folder,
    outboxFolder: join(folder, 'outbox'),
  });
  const cloudWorkers = plan.workers.filter(({ placement }) => placement === 'cloud');
  const elsewhere = new Map(cloudWorkers.map(({ name }) => [name, cloud.url]));
  try {
    const workers = await startWorkers(plan, { folder, elsewhere, execArgv });
    try {
      await cloud.ended(task.spec.cameras.length, timeoutMs);
    } finally {
      await workers.stop();
    }
    return cloud.crossings;
  } finally {
    await cloud.close();
    await rm(folder, { recursive: true, force: true });
  }
}
