// A short run over the beginning of the two sample cameras, and all that a fault could change of its results.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { loadFunctions } from '../../config/functions.ts';
import { defaultModels, resolveModel } from '../../config/models.ts';
import type { Status } from '../../config/schema/status.ts';
import { parseTask } from '../../config/task.ts';
import { desired, type DesiredTask } from '../../controller/desired.ts';
import { storeFileName } from '../../functions/match/store.ts';
import { openVideo } from '../../functions/media/video.ts';
import { openVideoWriter } from '../../functions/media/videoWriter.ts';
import { changeLogName } from '../../functions/status/changeLog.ts';
import { statusFileName } from '../../functions/status/sink.ts';

const cameras = ['left', 'right'];
const fps = 2;

export interface Sample {
  folder: string;
  clip(camera: string): string;
  remove(): void;
}

/** The first `seconds` of both samples. */
export async function makeSample(seconds: number): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'mei-faults-'));
  const clip = (camera: string) => join(folder, `${camera}.mp4`);
  for (const camera of cameras) {
    const video = await openVideo(`samples/${camera}.mp4`, { fps });
    const { width, height } = video;
    const writer = await openVideoWriter(clip(camera), { width, height, fps, crf: 23 });
    for await (const frame of video) {
      if (frame.time >= seconds) break;
      await writer.write(frame.pixels);
    }
    await writer.close();
  }
  return { folder, clip, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The workers of a task over the sample; what they keep lies in `run`. */
export function planOf(sample: Sample, run: string, spec: object = {}): DesiredTask {
  const task = parseTask(
    JSON.stringify({
      apiVersion: 'sedna.io/v1alpha1',
      kind: 'MultiEdgeInference',
      metadata: { name: 'fault' },
      spec: {
        packing: 'PerNode',
        cameras: cameras.map((id) => ({
          id,
          source: { uri: sample.clip(id), startTime: '2026-01-01T12:00:00Z' },
        })),
        ...spec,
      },
    }),
    'fault.yaml',
  );
  return desired(task, {
    functions: loadFunctions(),
    resolveModel,
    defaultModels,
    threads: 1,
    clockStart: 0,
    storeFolder: join(run, 'store'),
    outboxFolder: join(run, 'outbox'),
  });
}

/** Resolves when every stage says that it is done. @throws Error with what the status says instead */
export async function untilCompleted(run: string, deadlineMs: number): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const status = readStatus(run);
    if (status?.phase === 'Completed') return;
    if (performance.now() > end)
      throw new Error(`not completed within ${deadlineMs} ms: ${JSON.stringify(status?.stages)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function readStatus(run: string): Status | undefined {
  const file = join(run, 'store', statusFileName);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Status) : undefined;
}

/** Everything that a lost, repeated or reordered tracklet would change. */
export interface Results {
  tracks: {
    camera: string;
    track: string;
    revision: number;
    observations: number;
    identity: string | null;
  }[];
  /** Of the looks and paths that were stored. */
  prototypes: unknown[];
  paths: unknown[];
}

export function resultsOf(run: string): Results {
  const database = new Database(join(run, 'store', storeFileName), { readonly: true });
  try {
    const all = (sql: string) => database.prepare(sql).all() as never[];
    return {
      tracks: all(
        'SELECT camera, track, revision, observations, ended, first_seen, last_seen, identity FROM tracks ORDER BY camera, track',
      ),
      prototypes: all(
        'SELECT camera, track, slot, weight, time, hex(vector) AS vector FROM prototypes ORDER BY camera, track, slot',
      ),
      paths: all(
        'SELECT camera, track, revision, hex(points) AS points FROM paths ORDER BY camera, track, revision',
      ),
    };
  } finally {
    database.close();
  }
}

/** Lines of the log of changes that came twice. */
export function repeatedLines(run: string): string[] {
  const file = join(run, 'store', changeLogName);
  if (!existsSync(file)) return [];
  const seen = new Set<string>();
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .filter((line) => {
      const { event, part } = JSON.parse(line) as { event: string; part: number[] };
      const name = `${event} ${part.join()}`;
      const isRepeated = seen.has(name);
      seen.add(name);
      return isRepeated;
    });
}
