// Answers the questions of config/queries/routes.ts: handler.ts binds it to the worker's store. Whatever only reads is answered
// by every worker that has the store, also while it stands by; what writes goes to the one that decides.
import type { StoreStatus, TargetView } from '../../config/queries/answers.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { NotFoundError, PermanentError, TransientError, type Context, type Question } from '../function.ts';
import { scopeOf } from './archive.ts';
import type { ArchiveAccess } from './archiveAccess.ts';
import type { PictureVectors } from './pictureVectors.ts';

/** What only the worker that decides may do. */
export interface Writes {
  erase(identity: string, context: Context): Promise<unknown>;
  addTargetImage(target: string, picture: Uint8Array, context: Context): Promise<TargetView>;
  removeTarget(target: string, context: Context): Promise<TargetView>;
  /** Of the store and of the task. */
  targets(): TargetView[];
}

export interface QueryDependencies {
  archive: ArchiveAccess;
  /** In force now. */
  worker: () => WorkerConfig;
  threshold: () => number;
  /** Absent: the task has no embedder. */
  pictures?: PictureVectors | undefined;
  writes: Writes;
}

export type Answer = (question: Question, context: Context) => Promise<unknown>;

const mostTargetPictureBytes = 2 ** 20;

export function createQueries({ archive, worker, threshold, pictures, writes }: QueryDependencies): Answer {
  const scope = () => scopeOf(worker());

  async function status({ values, signal }: Question): Promise<StoreStatus> {
    const { task, cameras, match, models } = worker();
    const empty = { from: null, to: null, tracks: 0, identities: 0 };
    const bounds = await archive
      .ask<typeof empty>({ name: 'bounds' }, scope(), values, signal)
      .catch((error: unknown) => {
        if (error instanceof TransientError && !signal.aborted) return empty;
        throw error;
      });
    return {
      task: task.name,
      namespace: task.namespace,
      ...bounds,
      cameras: cameras.map(({ id }) => id),
      targets: writes.targets().map(({ target }) => target),
      model: models.embed?.sha256 ?? null,
      threshold: threshold(),
      window: scope().window,
      pictureSearch: pictures !== undefined,
      retention: {
        ...(match.retentionS !== undefined && { resultsS: match.retentionS }),
        ...(match.vectorsS !== undefined && { vectorsS: match.vectorsS }),
      },
    };
  }

  async function search(question: Question): Promise<unknown> {
    const { values, signal } = question;
    const { onlyTargets } = scope();
    const whom =
      question.contentType === 'application/json' ? readRequest(question) : await vectorOfPicture(question);
    const ask = { name: 'search' as const, threshold: threshold(), onlyTargets, ...whom };
    return archive.ask(ask, scope(), values, signal);
  }

  async function vectorOfPicture({ body, signal }: Question) {
    if (!pictures) throw new PermanentError('the task has no embedder: pictures cannot be compared');
    return { vectors: [await pictures.vectorOf(body, signal)], model: modelOf() };
  }

  function modelOf(): string {
    return worker().models.embed?.sha256 ?? '';
  }

  function readRequest({ body }: Question) {
    const { vector, model, camera, track } = jsonOf(body);
    if (typeof camera === 'string' && typeof track === 'string' && vector === undefined)
      return { camera, track };
    const isVector =
      Array.isArray(vector) &&
      vector.length > 0 &&
      vector.length <= 4096 &&
      vector.every((value) => typeof value === 'number' && Number.isFinite(value));
    if (!isVector || (model !== undefined && typeof model !== 'string'))
      throw new PermanentError(
        'give {"vector": [numbers], "model": "digest"} or {"camera": "id", "track": "name"}',
      );
    return { vectors: [Float32Array.from(vector as number[])], model: model ?? modelOf() };
  }

  return async (question, context) => {
    const { name, values, signal, body } = question;
    switch (name) {
      case 'status':
        return status(question);
      case 'search':
        return search(question);
      case 'targets':
        return { items: writes.targets() };
      case 'addTargetImage':
        if (body.byteLength > mostTargetPictureBytes)
          throw new PermanentError(
            `the picture has ${body.byteLength} bytes, at most ${mostTargetPictureBytes}: cut the person out of it`,
          );
        if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(String(values['target'])))
          throw new PermanentError('target: lower-case letters, digits and dashes, 63 at most');
        // Whatever is wrong with it is heard now, not later in a log.
        await pictures?.vectorOf(body, signal);
        return writes.addTargetImage(String(values['target']), body, context);
      case 'removeTarget':
        return writes.removeTarget(String(values['target']), context);
      case 'erase':
        return writes.erase(String(values['identity']), context);
      case 'identities':
      case 'identity':
      case 'tracks':
      case 'track':
      case 'sightings':
      case 'contacts':
        return archive.ask({ name }, scope(), values, signal);
    }
  };
}

function jsonOf(body: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new PermanentError('the body is no JSON object');
}

/** @throws NotFoundError */
export function viewOf(views: readonly TargetView[], target: string): TargetView {
  const view = views.find((each) => each.target === target);
  if (!view) throw new NotFoundError(`nobody is looked for under the name ${target.slice(0, 63)}`);
  return view;
}
