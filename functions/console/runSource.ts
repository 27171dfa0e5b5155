// A task as its folder on this machine knows it, while `mei run` works or afterwards; without pictures it is what the store of a
// match worker knows. `mei run`, `mei console` and the host of match open it.
import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Erased } from '../../config/queries/answers.ts';
import type { Status } from '../../config/schema/status.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { scopeOf, type ArchiveScope } from '../match/archive.ts';
import type { StorePlace } from '../match/database.ts';
import { PermanentError } from '../function.ts';
import { beginning, readBoxes } from './boxFile.ts';
import { erasedSince } from './erasures.ts';
import { StoreReader } from './storeReader.ts';
import { factsOf, type TaskFacts } from './taskFacts.ts';
import { trafficOf } from './traffic.ts';
import { waysOf } from './ways.ts';
import type { ConsoleSource, MotionCursor } from './source.ts';
import type { CameraView, FoundView, MotionView, TaskView } from './types.ts';

export interface RunSourceOptions {
  /** Of the store. */
  place: StorePlace;
  facts: TaskFacts;
  /** What the task lets be told. */
  scope: ArchiveScope;
  /** How the task is doing now. */
  status: () => Promise<Status>;
  /** Where each camera's pictures and boxes are; absent: there are none here, and none are shown. */
  camerasFolder?: string;
  search?: (picture: Uint8Array) => Promise<FoundView[]>;
  erase?: (identity: string) => Promise<Erased>;
  stop?: () => void;
}

/** The folder of a run. @throws PermanentError when it is none */
export async function openRun(
  folder: string,
  options: Pick<RunSourceOptions, 'search' | 'erase' | 'stop'> = {},
): Promise<ConsoleSource> {
  const worker = await matchWorkerOf(folder);
  return openSource({
    ...options,
    place: folder,
    facts: factsOf(worker),
    scope: scopeOf(worker),
    status: () => readStatus(join(folder, 'status.json')),
    camerasFolder: join(folder, 'cameras'),
  });
}

/** What the worker that matched was told. @throws PermanentError when the folder is not that of a run */
export async function matchWorkerOf(folder: string): Promise<WorkerConfig> {
  const workers = join(folder, 'workers');
  for (const name of await readdir(workers).catch(() => [])) {
    if (!name.endsWith('.json')) continue;
    const worker = JSON.parse(await readFile(join(workers, name), 'utf8')) as WorkerConfig;
    if (worker.stages.includes('match')) return worker;
  }
  throw new PermanentError(
    `${folder} is not the folder of a run: give one that mei run made, such as out/<task>/latest`,
  );
}

export function openSource(options: RunSourceOptions): ConsoleSource {
  const { place, facts, scope, camerasFolder, search, erase, stop } = options;
  const store = new StoreReader(place, scope);
  const known = new Set(facts.cameras.map(({ id }) => id));

  function picturePath(camera: string): string | undefined {
    if (camerasFolder === undefined || !known.has(camera)) return undefined;
    const path = join(camerasFolder, camera, 'picture.jpg');
    return existsSync(path) ? path : undefined;
  }

  function recordingOf(camera: string) {
    const found = camerasFolder && facts.cameras.find(({ id }) => id === camera);
    // What a mask blanks is still in the file.
    if (!found || found.masked || !found.recording || !existsSync(found.recording.path)) return undefined;
    return found.recording;
  }

  function camerasOf(status: Status): CameraView[] {
    const sizes = store.sizes();
    return facts.cameras.map(({ id, source, masked }) => {
      const { state = 'connecting', ...reported } = status.cameras?.find((camera) => camera.id === id) ?? {};
      const picture = picturePath(id);
      const recording = recordingOf(id);
      return {
        ...reported,
        ...sizes.get(id),
        id,
        source,
        masked,
        state,
        ...(picture !== undefined && { picture: Math.round(statSync(picture).mtimeMs) }),
        ...(recording && { recordingFrom: recording.from }),
      };
    });
  }

  function boxes(cursor: MotionCursor): MotionView[] {
    const sizes = store.sizes();
    return facts.cameras.flatMap(({ id }) => {
      const size = sizes.get(id);
      if (!size || camerasFolder === undefined) return [];
      const at = cursor.files.get(id) ?? beginning();
      cursor.files.set(id, at);
      return within(scope.window, readBoxes(join(camerasFolder, id, 'tracks.csv'), id, size, at));
    });
  }

  function paths(cursor: MotionCursor): MotionView[] {
    const { motion, last } = store.paths(cursor.row);
    cursor.row = last;
    return motion;
  }

  return {
    taskName: facts.name,
    async task(): Promise<TaskView> {
      const status = await options.status();
      const site = status.output?.site;
      const { cameras: _cameras, allowed, ...fixed } = facts;
      const progress = new Map(status.cameras?.map((camera) => [camera.id, camera.progress]));
      const traffic = trafficOf(facts, store.seen(), progress);
      return {
        ...fixed,
        place: camerasFolder === undefined ? 'cluster' : 'local',
        status,
        cameras: camerasOf(status),
        ways: waysOf(site?.ways ?? [], allowed),
        ...(site?.wayFloor !== undefined && { wayFloor: site.wayFloor }),
        ...(traffic && { traffic }),
        operations: [...(stop ? (['stop'] as const) : []), ...(erase ? (['erase'] as const) : [])],
        pictureSearch: search !== undefined,
      };
    },
    identities: () => store.identities(),
    contacts() {
      return facts.contacts ? store.contacts(facts.contacts.minimumS) : [];
    },
    changesAfter: (sequence, most) => store.changesAfter(sequence, most),
    sequences: () => store.sequences(),
    motion(cursor) {
      const found = camerasFolder === undefined ? paths(cursor) : boxes(cursor);
      if (facts.mode === 'MultiObject') return found;
      const tracks = new Set(
        store
          .identities()
          .identities.flatMap((each) => each.tracks.map(({ camera, track }) => `${camera} ${track}`)),
      );
      return found.filter(({ camera, track }) => tracks.has(`${camera} ${track}`));
    },
    picture: picturePath,
    recording: (camera) => recordingOf(camera)?.path,
    erased: (cursor) =>
      erasedSince(cursor, store.identities(), (camera, track) => store.isForgotten(camera, track)),
    ...(search && { search }),
    ...(erase && { erase }),
    ...(stop && { stop }),
    close: () => store.close(),
  };
}

/** Boxes of the times that may be told of. */
function within({ start = -Infinity, end = Infinity }: ArchiveScope['window'], views: MotionView[]) {
  return views.flatMap((view) => {
    const kept = view.times.flatMap((time, i) => (time >= start && time <= end ? [i] : []));
    if (kept.length === 0) return [];
    const boxes = kept.flatMap((i) => view.boxes.slice(4 * i, 4 * i + 4));
    return [{ ...view, times: kept.map((i) => view.times[i]!), boxes }];
  });
}

async function readStatus(path: string): Promise<Status> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Status;
  } catch {
    // Not written yet; it is replaced as a whole, so it is never half there.
    return {};
  }
}
