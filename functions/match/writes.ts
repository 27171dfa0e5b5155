// What people change in a running task: they erase somebody, or give pictures of whom to look for. queries.ts asks, the worker that
// decides does it, between two lives of its stage (see ownership.ts), so that nothing of it stays in memory.
import type { TargetView } from '../../config/queries/answers.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { PermanentError, type Context, type Log, type StageFunction } from '../function.ts';
import type { StorePlace } from './database.ts';
import type { Owned } from './ownership.ts';
import { viewOf, type Writes } from './queries.ts';
import { openStore, type Store } from './store.ts';
import { digestOf } from './targetImages.ts';

/** What is asked of the stage of the worker that decides: a MatchFunction of handler.ts. */
interface Deciding {
  clock(nowMs: number): number;
  idle(context: Context): Promise<void>;
}

interface WriteDependencies {
  owned: Owned;
  /** Of the store. */
  place: StorePlace;
  worker: () => WorkerConfig;
  log: Log;
}

const mostTargets = 64;
const mostImages = 16;

export function createWrites({ owned, place, worker, log }: WriteDependencies): Writes {
  function change<T>(write: (store: Store) => T, context: Context): Promise<T> {
    return owned.anew((epoch) => withStore(place, epoch, write), context);
  }

  function viewsOf(store: Pick<Store, 'ownPictureNames'>): TargetView[] {
    const inTask = new Set(worker().match.targets.map(({ name }) => name));
    const images = new Map<string, string[]>([...inTask].map((name) => [name, []]));
    for (const { target, picture } of store.ownPictureNames())
      images.set(target, [...(images.get(target) ?? []), picture]);
    return [...images]
      .map(([target, own]) => ({ target, images: own, isInTask: inTask.has(target) }))
      .sort((a, b) => (a.target < b.target ? -1 : 1));
  }

  return {
    targets: () => withStore(place, undefined, viewsOf),
    async erase(identity, context) {
      const clock = (owned.current() as (StageFunction & Deciding) | undefined)?.clock(context.now());
      const time = clock !== undefined && Number.isFinite(clock) ? clock : context.now() / 1000;
      const { targets, ...counts } = await change((store) => store.erase(identity, time), context);
      log.info({ stage: 'match', tracks: counts.tracks, vectors: counts.vectors }, 'person erased');
      const inTask = new Set(worker().match.targets.map(({ name }) => name));
      await (owned.current() as (StageFunction & Deciding) | undefined)
        ?.idle(context)
        .catch((error: unknown) => log.warn({ stage: 'match', error: String(error) }, 'idle work failed'));
      return { ...counts, targets: targets.filter((target) => inTask.has(target)) };
    },
    async addTargetImage(target, picture, context) {
      const add = (store: Store) => {
        checkRoom(viewsOf(store), target);
        store.keepPicture(target, digestOf(picture), picture);
        return viewOf(viewsOf(store), target);
      };
      return change(add, context);
    },
    async removeTarget(target, context) {
      const remove = (store: Store) => {
        const view = viewOf(viewsOf(store), target);
        store.dropPictures(target);
        return { ...view, images: [] };
      };
      return change(remove, context);
    },
  };
}

/** @param epoch of the term in which it is written; undefined: it is only read */
function withStore<T>(place: StorePlace, epoch: number | undefined, use: (store: Store) => T): T {
  const store = openStore(place, epoch);
  try {
    return use(store);
  } finally {
    store.close();
  }
}

function checkRoom(views: readonly TargetView[], target: string): void {
  const known = views.find((view) => view.target === target);
  if (!known && views.length >= mostTargets)
    throw new PermanentError(`${views.length} people are looked for already: remove one first`);
  if (known && known.images.length >= mostImages)
    throw new PermanentError(
      `${target} has ${known.images.length} pictures already: remove the target first`,
    );
}
