// What a local controller does with one event of the controller: store, forget, or refuse. link.ts calls it and sends the answer.
import { messageOf, PermanentError } from '../errors.ts';
import type { LinkEvent } from '../link/events.ts';
import type { TaskStore } from './store.ts';

export type Answer = Extract<LinkEvent, { name: 'acknowledged' | 'refused' }>['data'];

export interface Received {
  answer: Answer;
  /** Names of workers whose configuration may differ now. */
  changed: string[];
}

/**
 * An answer without a reason means that the event is stored for good; repeating an event changes nothing.
 * @throws PermanentError for an event that a controller never sends
 */
export function receive(store: TaskStore, event: LinkEvent): Received {
  const of = event.id;
  try {
    return { answer: { of }, changed: carryOut(store, event) };
  } catch (error) {
    if (error instanceof StaleError) return { answer: { of, reason: error.message }, changed: [] };
    if (error instanceof PermanentError) throw error;
    // A full or broken disk: the controller tries again, and says so in the task's status.
    return { answer: { of, reason: messageOf(error).slice(0, 1024) }, changed: [] };
  }
}

class StaleError extends Error {
  override name = 'StaleError';
}

function carryOut(store: TaskStore, event: LinkEvent): string[] {
  switch (event.name) {
    case 'inventory': {
      const wanted = new Set(event.data.tasks.map(({ uid }) => uid));
      return forget(
        store,
        store
          .tasks()
          .map(({ uid }) => uid)
          .filter((uid) => !wanted.has(uid)),
      );
    }
    case 'insert':
    case 'update': {
      const { task, digest } = event.data;
      const known = store.generationOf(task.uid);
      if (known !== undefined && task.generation < known)
        throw new StaleError(
          `generation ${task.generation} of task ${task.namespace}/${task.name} is stale: ${known} is stored`,
        );
      if (known === task.generation && store.digestOf(task.uid) === digest) return [];
      const before = store.workersOf(task.uid);
      store.put(event.data);
      return [...new Set([...before, ...event.data.workers.map(({ worker }) => worker)])];
    }
    case 'delete':
      return forget(store, [event.data.task.uid]);
    case 'acknowledged':
    case 'refused':
      throw new PermanentError(`a controller sends no event of kind ${event.name}`);
  }
}

function forget(store: TaskStore, uids: string[]): string[] {
  const known = uids.filter((uid) => store.generationOf(uid) !== undefined);
  if (known.length === 0) return [];
  const workers = known.flatMap((uid) => store.workersOf(uid));
  store.remove(known);
  return workers;
}
