// The tokens that the workers of each task know each other by: derived from keys of this installation, so that nobody has to read
// Secrets to know them. main.ts loads the keys, reconcile.ts makes the Secret of each task, local controllers are told.
import { createHmac, randomBytes } from 'node:crypto';
import type { Task } from '../config/schema/resource.ts';
import type { Cluster } from './cluster.ts';
import { ApiError } from './errors.ts';
import type { Manifest } from './objects/manifest.ts';
import { tokenSecret } from './objects/taskToken.ts';
import { secretResource } from './resources.ts';

/** Of the Secret with the keys, in the namespace of the controller. */
export const keySecretName = 'multi-edge-inference-task-keys';
const entry = 'keys';
const shortestKey = 32;
const mostKeys = 8;

/**
 * The keys, the newest in front; made when there are none.
 * @throws Error naming the Secret when what it holds cannot be used
 */
export async function loadTaskKeys(
  cluster: Pick<Cluster, 'get' | 'create'>,
  namespace: string,
): Promise<string[]> {
  const read = () => cluster.get(secretResource, namespace, keySecretName);
  const found = (await read()) ?? (await made(cluster, namespace)) ?? (await read());
  const encoded = (found?.['data'] as Record<string, string> | undefined)?.[entry] ?? '';
  const keys = Buffer.from(encoded, 'base64').toString('utf8').split('\n');
  const usable = keys.map((key) => key.trim()).filter(Boolean);
  if (usable.length === 0 || usable.length > mostKeys || usable.some((key) => key.length < shortestKey))
    throw new Error(
      `Secret ${namespace}/${keySecretName}: ${entry} must hold 1 to ${mostKeys} keys of at least ${shortestKey} characters, one a line`,
    );
  return usable;
}

/** Undefined when somebody else was faster. */
async function made(cluster: Pick<Cluster, 'create'>, namespace: string): Promise<Manifest | undefined> {
  try {
    return await cluster.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: keySecretName,
        namespace,
        labels: {
          'app.kubernetes.io/name': 'multi-edge-inference',
          'app.kubernetes.io/component': 'controller',
        },
      },
      type: 'Opaque',
      stringData: { [entry]: `${randomBytes(32).toString('hex')}\n` },
    });
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'AlreadyExists') return undefined;
    throw error;
  }
}

/** How long a Secret that was there is taken to be there. */
const lookMs = 600_000;

/** Makes the Secret of each task, with no more than the right to create Secrets: what is there is left as it is. */
export class TaskTokens {
  readonly #keys: readonly string[];
  readonly #nowMs: () => number;
  readonly #there = new Map<string, { uid: string; seenMs: number }>();

  constructor(keys: readonly string[], nowMs: () => number = () => performance.now()) {
    this.#keys = keys;
    this.#nowMs = nowMs;
  }

  /** Those that count for the task, the one to show in front. */
  of(uid: string): string[] {
    return this.#keys.map((key) =>
      createHmac('sha256', key).update(`multi-edge-inference/task/${uid}`).digest('base64url'),
    );
  }

  /** @throws ApiError, TransientError */
  async ensure(cluster: Pick<Cluster, 'create'>, key: string, task: Task): Promise<void> {
    const uid = task.metadata.uid ?? '';
    const nowMs = this.#nowMs();
    const before = this.#there.get(key);
    if (before?.uid === uid && nowMs - before.seenMs < lookMs) return;
    try {
      await cluster.create(tokenSecret(task, this.of(uid)));
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    }
    this.#there.set(key, { uid, seenMs: nowMs });
  }

  forget(key: string): void {
    this.#there.delete(key);
  }
}
