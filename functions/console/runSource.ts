// A task as its folder on this machine knows it, while `mei run` works or afterwards; without pictures it is what the store of a
// match worker knows. `mei run`, `mei console` and the host of match open it.
import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Status } from '../../config/schema/status.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { readContacts } from '../match/export.ts';
import { PermanentError } from '../function.ts';
import { beginning, readBoxes } from './boxFile.ts';
import { StoreReader } from './storeReader.ts';
import { factsOf, type TaskFacts } from './taskFacts.ts';
import { trafficOf } from './traffic.ts';
import { waysOf } from './ways.ts';
import type { ConsoleSource, MotionCursor } from './source.ts';
import type { CameraView, FoundView, IdentitiesView, MotionView, TaskView } from './types.ts';

export interface RunSourceOptions {
  /** Of the store. */
  folder: string;
  facts: TaskFacts;
  /** How the task is doing now. */
  status: () => Promise<Status>;
  /** Where each camera's pictures and boxes are; absent: there are none here, and none are shown. */
  camerasFolder?: string;
  search?: (picture: Uint8Array) => Promise<FoundView[]>;
  stop?: () => void;
}

/** The folder of a run. @throws PermanentError when it is none */
export async function openRun(
  folder: string,
  options: Pick<RunSourceOptions, 'search' | 'stop'> = {},
): Promise<ConsoleSource> {
  const worker = await matchWorkerOf(folder);
  return openSource({
    ...options,
    folder,
    facts: factsOf(worker),
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
  const { folder, facts, camerasFolder, search, stop } = options;
  const store = new StoreReader(folder);
  const known = new Set(facts.cameras.map(({ id }) => id));

  /** Nothing is told of anybody but the targets where the task asks for them alone. */
  function wanted(): IdentitiesView {
    const view = store.identities();
    if (facts.mode === 'MultiObject') return view;
    return { ...view, identities: view.identities.filter(({ target }) => target !== undefined) };
  }

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
      return readBoxes(join(camerasFolder, id, 'tracks.csv'), id, size, at);
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
      const { cameras: _cameras, allowed, ...fixed } = facts;
      const all = wanted().identities;
      const progress = new Map(status.cameras?.map((camera) => [camera.id, camera.progress]));
      const traffic = trafficOf(facts, store.identities().identities, store.bounds(), progress);
      return {
        ...fixed,
        place: camerasFolder === undefined ? 'cluster' : 'local',
        status,
        cameras: camerasOf(status),
        ways: waysOf(all, allowed),
        ...(traffic && { traffic }),
        operations: stop ? ['stop'] : [],
        pictureSearch: search !== undefined,
      };
    },
    identities: wanted,
    contacts() {
      if (!facts.contacts || store.sequences().newest === 0) return [];
      const isWanted = new Set(wanted().identities.map(({ identity }) => identity));
      return readContacts(folder, facts.contacts.minimumS).filter(({ identities }) =>
        identities.some((identity) => isWanted.has(identity)),
      );
    },
    changesAfter: (sequence, most) => store.changesAfter(sequence, most),
    sequences: () => store.sequences(),
    motion(cursor) {
      const found = camerasFolder === undefined ? paths(cursor) : boxes(cursor);
      if (facts.mode === 'MultiObject') return found;
      const tracks = new Set(
        wanted().identities.flatMap((each) => each.tracks.map(({ camera, track }) => `${camera} ${track}`)),
      );
      return found.filter(({ camera, track }) => tracks.has(`${camera} ${track}`));
    },
    picture: picturePath,
    recording: (camera) => recordingOf(camera)?.path,
    ...(search && { search }),
    ...(stop && { stop }),
    close: () => store.close(),
  };
}

async function readStatus(path: string): Promise<Status> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Status;
  } catch {
    // Not written yet; it is replaced as a whole, so it is never half there.
    return {};
  }
}
