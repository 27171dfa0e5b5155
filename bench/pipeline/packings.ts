// Runs the built workers of a task on recordings, in either packing, and counts what they cost; for main.ts and the benchmark against a Python pipeline.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventTypes, type ReportData, type TrackletsData } from '../../config/events.ts';
import { loadFunctions } from '../../config/functions.ts';
import { defaultModels, resolveModel } from '../../config/models.ts';
import { parseTask } from '../../config/task.ts';
import { desired } from '../../controller/desired.ts';
import type * as Processes from '../../controller/processes.ts';
import {
  startRecordingCloud,
  wireBytes,
  type Arrival,
  type RecordingCloud,
} from '../../test/support/cloud.ts';
import { mostResidentMiB, processorSeconds } from '../processFigures.ts';

export type Packing = 'PerNode' | 'PerStage';

export interface Setting {
  video: string;
  detector: string;
  embedder: string;
  cameras: number;
  /** Of each inference session. */
  threads: number;
  /** More of the stages' spec, by stage. */
  stages?: Record<string, object>;
}

export interface Measurement {
  framesPerSecond: number;
  /** Of all cameras. */
  frames: number;
  /** That the detector saw; the others were judged unchanged. */
  detected: number;
  crops: number;
  batches: number;
  cloudBytes: number;
  personSeconds: number;
  /** Of the edge workers, from their models being loaded to the last event. */
  processorSeconds: number;
  /** Most memory of each edge worker, summed. */
  residentMiB: number;
}

const mostRunMs = 600_000;

export async function measurePacking(packing: Packing, setting: Setting): Promise<Measurement> {
  const folder = await mkdtemp(join(tmpdir(), 'mei-bench-'));
  const cloud = await startRecordingCloud();
  const plan = desired(taskOf(packing, setting), {
    functions: loadFunctions(),
    resolveModel,
    defaultModels,
    threads: setting.threads,
    clockStart: 0,
    storeFolder: folder,
    outboxFolder: join(folder, 'outbox'),
  });
  const elsewhere = new Map(
    plan.workers.filter(({ placement }) => placement === 'cloud').map(({ name }) => [name, cloud.url]),
  );
  const { startWorkers } = await builtProcesses();
  const workers = await startWorkers(plan, { folder, elsewhere, execArgv: [] });
  // Models are loaded; the first picture is being decoded.
  const start = performance.now();
  const spentBefore = total(workers.pids().map(processorSeconds));
  await cloud.ended(setting.cameras, mostRunMs);
  const seconds = (performance.now() - start) / 1000;
  const spent = total(workers.pids().map(processorSeconds)) - spentBefore;
  const residentMiB = total(workers.pids().map(mostResidentMiB));
  await workers.stop();
  await cloud.close();
  await rm(folder, { recursive: true, force: true });
  return { ...summarize(cloud, seconds), processorSeconds: spent, residentMiB };
}

/** The workers as they are shipped: a loader of sources would count as theirs. */
async function builtProcesses(): Promise<Pick<typeof Processes, 'startWorkers'>> {
  const built = resolve(import.meta.dirname, '../../dist/controller/processes.js');
  return (await import(pathToFileURL(built).href)) as typeof Processes;
}

function taskOf(packing: Packing, { video, cameras, detector, embedder, stages }: Setting) {
  const spec = {
    cameras: Array.from({ length: cameras }, (_, i) => ({ id: `camera-${i + 1}`, source: { uri: video } })),
    packing,
    stages: {
      ...stages,
      detect: { modelRef: { name: detector }, ...stages?.['detect'] },
      embed: { modelRef: { name: embedder }, ...stages?.['embed'] },
    },
  };
  const resource = { apiVersion: 'sedna.io/v1alpha1', kind: 'MultiEdgeInference' };
  return parseTask(JSON.stringify({ ...resource, metadata: { name: 'bench' }, spec }), 'bench');
}

function summarize(cloud: RecordingCloud, seconds: number) {
  const latest = new Map<string, ReportData>();
  const tracklets = new Map<string, number>();
  // A request with a report among other events counts as a whole: that is what the link carries.
  const arrivals = new Set<Arrival>();
  for (const { event, arrival } of cloud.crossings) {
    if (event.type === eventTypes.report) {
      const report = event.data as ReportData;
      latest.set(report.stage, report);
      continue;
    }
    arrivals.add(arrival);
    if (event.type !== eventTypes.tracklets) continue;
    const data = event.data as TrackletsData;
    for (const { track, from, to } of data.tracklets) tracklets.set(`${data.camera} ${track}`, to - from);
  }
  const figure = (stage: string, name: string) => latest.get(stage)?.figures[name] ?? 0;
  const frames = figure('detect', 'frames');
  return {
    framesPerSecond: frames / seconds,
    frames,
    detected: frames - figure('detect', 'unchanged'),
    crops: figure('embed', 'crops'),
    batches: figure('embed', 'batches'),
    cloudBytes: total([...arrivals].map(wireBytes)),
    personSeconds: total([...tracklets.values()]),
  };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
