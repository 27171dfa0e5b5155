// Sees every object of every task appear, as anybody who watches the API server does: ground.ts starts it, burst.ts asks.
import { setTimeout as delay } from 'node:timers/promises';
import { taskLabel, type Manifest } from '../../controller/objects/manifest.ts';
import { keyOf } from '../../controller/plan.ts';
import { ownedResources, taskResource } from '../../controller/resources.ts';
import { TransientError } from '../../controller/errors.ts';
import type { Cluster } from '../../controller/cluster.ts';
import type { Task } from '../../config/schema/resource.ts';

export interface WatchedObjects {
  /** When the objects that `keys` name were first seen, by performance.now(); undefined while one is missing. */
  allSeenMs(keys: readonly string[]): number | undefined;
  /** The newest state of a task. */
  task(name: string): Task | undefined;
  stop(): Promise<void>;
}

/** Longer than any run. */
const watchSeconds = 7200;

export async function watchObjects(client: Cluster): Promise<WatchedObjects> {
  const ending = new AbortController();
  const seenMs = new Map<string, number>();
  const tasks = new Map<string, Task>();
  const see = (object: Manifest) => {
    const key = keyOf(object);
    if (!seenMs.has(key)) seenMs.set(key, performance.now());
    if (object.kind === taskResource.kind) tasks.set(object.metadata.name, object as unknown as Task);
  };
  const watches = await Promise.all(
    [taskResource, ...ownedResources].map(async (resource) => {
      const labelSelector = resource === taskResource ? undefined : taskLabel;
      let { resourceVersion } = await client.list(resource, { limit: 1, labelSelector });
      let opened!: () => void;
      const isOpen = new Promise<void>((resolve) => (opened = resolve));
      const watchOnce = () =>
        client.watch(resource, {
          resourceVersion,
          labelSelector,
          timeoutSeconds: watchSeconds,
          signal: ending.signal,
          onOpen: () => opened(),
          onEvent({ type, object }) {
            if (type === 'ERROR') throw new Error(`the watch of ${resource.plural} ended: ${object.message}`);
            resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
            if (type !== 'BOOKMARK') see(object);
          },
        });
      // A server that has a lot to do ends the stream of whoever does not keep up: it goes on where it was.
      const watchOn = async () => {
        while (!ending.signal.aborted) {
          await watchOnce().catch((error: unknown) => {
            if (!ending.signal.aborted && !(error instanceof TransientError)) throw error;
          });
          await delay(10);
        }
      };
      const ended = watchOn();
      await Promise.race([isOpen, ended]);
      // In an object, or waiting for this would be waiting for its end.
      return { ended };
    }),
  );
  return {
    allSeenMs(keys) {
      const times = keys.map((key) => seenMs.get(key));
      return times.includes(undefined) ? undefined : Math.max(...(times as number[]));
    },
    task: (name) => tasks.get(name),
    async stop() {
      ending.abort();
      await Promise.all(watches.map(({ ended }) => ended));
    },
  };
}
