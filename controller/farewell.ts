// A task that nodes have stored is held back for a moment when it is deleted, so that its nodes hear of it. reconcile.ts calls both.
import type { Task } from '../config/schema/resource.ts';
import type { Cluster } from './cluster.ts';
import type { Downstream } from './downstream/downstream.ts';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';
import type { Manifest } from './objects/manifest.ts';
import { taskResource } from './resources.ts';

export const finalizer = 'multiedgeinference.sedna.io/local-controllers';
/** Nodes that are connected and say nothing are not waited for any longer: they hear of it when they come back. */
const longestMs = 30_000;

export interface FarewellContext {
  cluster: Pick<Cluster, 'apply'>;
  downstream?: Downstream;
  log: Log;
  /** RFC 3339. */
  now: () => string;
  /** Looks at the task again after a while. */
  later: (key: string, ms: number) => void;
}

/** Only a task that a node has a part of, and whose node can be told. Gives the task as it is then. */
export async function hold(context: FarewellContext, key: string, task: Task): Promise<Manifest | undefined> {
  const isKnownToNodes = context.downstream?.progress(key).some(({ isConnected }) => isConnected);
  if (!isKnownToNodes || finalizersOf(task).includes(finalizer)) return undefined;
  try {
    return await write(context, task, [finalizer]);
  } catch (error) {
    // Nodes hear of a deletion anyhow, at the latest when they connect again.
    context.log.warn({ task: key, error: messageOf(error) }, 'task not held for its nodes');
    return undefined;
  }
}

/** The task is being deleted: tells its nodes, and lets it go once they have answered or had their time. */
export async function letGo(context: FarewellContext, key: string, task: Task): Promise<void> {
  const { downstream, log } = context;
  downstream?.remove(key);
  if (!finalizersOf(task).includes(finalizer)) return;
  const waiting = downstream?.forgetting(key) ?? [];
  const leftMs = Date.parse(task.metadata.deletionTimestamp ?? '') + longestMs - Date.parse(context.now());
  if (waiting.length > 0 && leftMs > 0) return context.later(key, leftMs + 1000);
  if (waiting.length > 0) log.warn({ task: key, nodes: waiting }, 'nodes did not confirm a deletion in time');
  await write(context, task, []);
}

function write({ cluster }: FarewellContext, { metadata }: Task, finalizers: string[]): Promise<Manifest> {
  const { name, namespace, uid } = metadata;
  return cluster.apply(
    {
      apiVersion: taskResource.apiVersion,
      kind: taskResource.kind,
      metadata: {
        name,
        namespace,
        ...(uid !== undefined && { uid }),
        ...(finalizers.length > 0 && { finalizers }),
      },
    },
    { force: true },
  );
}

function finalizersOf({ metadata }: Task): string[] {
  return (metadata as { finalizers?: string[] }).finalizers ?? [];
}
