// Makes vectors of the pictures of the people a task looks for: each picture once for each model, kept in the store. The
// match handler calls it at its start and again and again, since Secrets and ConfigMaps come late and change.
import { createHash } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MatchOptions, ModelConfig } from '../../config/worker.ts';
import { PermanentError } from '../function.ts';
import { download } from '../media/download.ts';
import { decodeImage } from '../media/images.ts';
import { openEmbedder, type Embed } from '../media/inference.ts';
import { ensureModel } from '../media/models.ts';
import { resizeRgb } from '../media/resize.ts';
import type { Target } from './core/targets.ts';

/** Vectors by the digest of the picture and of the model. */
export interface VectorCache {
  /** Pictures that were given to a running worker: nobody else has them. */
  ownPictures?(): { target: string; picture: string; bytes: Uint8Array }[];
  /** Whether the person in the picture was erased. */
  isForgottenPicture?(picture: string): boolean;
  /** Told the digests of all pictures that count, once all of them could be read. */
  notePictures?(pictures: { target: string; picture: string }[]): void;
  vectorOf(picture: string, model: string): Float32Array | undefined;
  keepVector(picture: string, model: string, vector: Float32Array): void;
}

export interface TargetImages {
  /** All targets with the pictures that could be read, and what is wrong with the others, one line each. */
  load(signal: AbortSignal): Promise<{ targets: Target[]; problems: string[] }>;
}

interface Picture {
  digest: string;
  /** Absent: known by its digest. */
  bytes?: Uint8Array;
}

const maxPictureBytes = 20 * 2 ** 20;
const downloadMs = 60_000;

/** @param folder where pictures of the web are kept while they are looked at */
export function createTargetImages(
  targets: MatchOptions['targets'],
  model: ModelConfig,
  folder: string,
  cache: VectorCache,
  open: (model: ModelConfig) => Promise<Embed> = openModel,
): TargetImages {
  /** Digest of each address that was fetched: what lies behind one is taken not to change. */
  const fetched = new Map<string, string>();
  let embedder: Promise<Embed> | undefined;

  async function pictureOf(image: string, what: string, signal: AbortSignal): Promise<Picture> {
    const known = fetched.get(image);
    if (known !== undefined && cache.vectorOf(known, model.sha256)) return { digest: known };
    const bytes = isAddress(image)
      ? await fetchPicture(image, what, folder, signal)
      : await readPicture(image);
    const digest = digestOf(bytes);
    if (isAddress(image)) fetched.set(image, digest);
    return { digest, bytes };
  }

  async function vectorOf({ digest, bytes }: Picture): Promise<Float32Array> {
    if (cache.isForgottenPicture?.(digest))
      throw new PermanentError('it shows somebody who was erased: remove it from the task');
    const cached = cache.vectorOf(digest, model.sha256);
    if (cached) return cached;
    if (!bytes) throw new PermanentError('its vector is gone: it is read again');
    const vector = await embed(bytes);
    cache.keepVector(digest, model.sha256, vector);
    return vector;
  }

  /** Those of the task by name, and those that the store has been given since. */
  function wanted(): Map<string, { image?: string; own?: Picture }[]> {
    const found = new Map<string, { image?: string; own?: Picture }[]>();
    for (const { name, images } of targets)
      found.set(
        name,
        images.map((image) => ({ image })),
      );
    for (const { target, picture, bytes } of cache.ownPictures?.() ?? [])
      found.set(target, [...(found.get(target) ?? []), { own: { digest: picture, bytes } }]);
    return found;
  }

  async function embed(bytes: Uint8Array): Promise<Float32Array> {
    const picture = await decodeImage(bytes);
    const { pixels } = await resizeRgb(picture, model.input, model.input.resize);
    const run = await (embedder ??= open(model));
    return (await run(pixels, 1)).slice();
  }

  return {
    async load(signal) {
      const problems: string[] = [];
      const loaded: Target[] = [];
      const noted: { target: string; picture: string }[] = [];
      for (const [name, images] of wanted()) {
        const vectors: Float32Array[] = [];
        for (const [index, { image, own }] of images.entries()) {
          const what = `target ${name}, picture ${index + 1}`;
          try {
            const picture = own ?? (await pictureOf(image!, what, signal));
            if (!own) noted.push({ target: name, picture: picture.digest });
            vectors.push(await vectorOf(picture));
          } catch (error) {
            signal.throwIfAborted();
            const { message } = error as Error;
            problems.push(message.startsWith(what) ? message : `${what}: ${message}`);
          }
        }
        loaded.push({ name, model: model.sha256, vectors });
      }
      if (problems.length === 0) cache.notePictures?.(noted);
      // All pictures are known now: the model is needed no more, until one changes.
      embedder = undefined;
      return { targets: loaded, problems };
    },
  };
}

async function openModel(model: ModelConfig): Promise<Embed> {
  return openEmbedder(await ensureModel(model), model, 1);
}

/** Under which a picture is known. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function isAddress(image: string): boolean {
  return /^https?:\/\//.test(image);
}

/** @throws PermanentError that says what to do */
async function readPicture(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > maxPictureBytes)
      throw new PermanentError(`${path} has ${size} bytes: a picture has at most ${maxPictureBytes}`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof PermanentError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new PermanentError(
      code === 'ENOENT'
        ? `${path} is not there: check the name and key of its Secret or ConfigMap, or the path`
        : `${path} cannot be read: ${message}`,
      { cause: error },
    );
  }
}

async function fetchPicture(url: string, what: string, folder: string, signal: AbortSignal) {
  const part = join(folder, `picture-${createHash('sha256').update(url).digest('hex').slice(0, 16)}.part`);
  // Nothing of an earlier attempt is gone on with: the picture may be another one by now.
  await rm(part, { force: true });
  const path = await download(what, url, part, { signal, maxBytes: maxPictureBytes, totalMs: downloadMs });
  try {
    return await readFile(path);
  } finally {
    await rm(path, { force: true });
  }
}
